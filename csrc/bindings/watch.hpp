// Progress and Ctrl-C while the core works without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>

#include "covlasso/problem.hpp"

namespace covlasso::python {

/// The core's Progress callback: answers signals, calls the user's callable, keeps what they raise.
class Watch {
public:
    /// @param callable  progress(done, total), or None.
    explicit Watch(pybind11::object callable) : callable_(std::move(callable)) {}

    /// Called by the core on the thread that entered it; false asks the core to stop.
    bool operator()(Index done, Index total) noexcept;

    /// To be called with the GIL, after the core has returned: raises what stopped it, if anything did.
    ///
    /// Ctrl-C becomes KeyboardInterrupt("interrupted: 312 of 1000 targets were done"); every other exception
    /// is raised unchanged.
    void raise_if_stopped(Index done, Index total);

private:
    pybind11::object callable_;
    std::exception_ptr raised_;
};

}  // namespace covlasso::python
