#include "watch.hpp"

#include <string>

namespace covlasso::python {

namespace py = pybind11;

bool Watch::operator()(Index done, Index total) noexcept {
    const py::gil_scoped_acquire gil;
    try {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (!callable_.is_none()) callable_(done, total);
    } catch (...) {
        raised_ = std::current_exception();
    }
    return raised_ == nullptr;
}

void Watch::raise_if_stopped(Index done, Index total) {
    if (!raised_) return;
    try {
        std::rethrow_exception(std::exchange(raised_, nullptr));
    } catch (const py::error_already_set& error) {
        const bool by_signal =
            error.matches(PyExc_KeyboardInterrupt) && py::len(error.value().attr("args")) == 0;
        if (!by_signal) throw;
    }
    const auto message =
        "interrupted: " + std::to_string(done) + " of " + std::to_string(total) + " targets were done";
    PyErr_SetString(PyExc_KeyboardInterrupt, message.c_str());
    throw py::error_already_set();
}

}  // namespace covlasso::python
