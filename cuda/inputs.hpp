// The data of a problem on one device: what lies there is used in place, the rest is copied once.
#pragma once

#include <vector>

#include "algorithm/load.hpp"
#include "covlasso/problem.hpp"
#include "faults.hpp"
#include "memory.hpp"

namespace covlasso {
namespace cuda {

/// What a block is given beside its target; all pointers into memory of the device.
struct Job {
    Problem problem;  ///< without its gram
    AnyMatrix gram;
    const double* root;  ///< sqrt(G_jj)
    Rules rules;
};

class Inputs {
public:
    /// On the current device. What `stream` is given later finds the data there, checked; `stream` outlives this object.
    Inputs(const Problem& problem, const Options& options, const Stream& stream);

    const Job& job() const { return job_; }

    /// Where the number of the first fault of the moments is noted.
    const Fault* fault() const { return fault_.data(); }
    /// Throws what validate() throws, if a fault was found.
    void check_moments() const;

private:
    /// Returns the precision of the entries.
    double place_gram(const Gram& gram);
    double form(const MatrixView<double>& factor);
    void write_out(const Gram& gram);
    void place_cross(const Problem& problem);
    void place_lists(const Problem& problem);

    template <class T>
    const T* place(const T* from, Index count, const char* what);
    template <class T>
    MatrixView<T> place(const MatrixView<T>& from, const char* what);
    AnyMatrix place(const AnyMatrix& from, const char* what);
    template <class T>
    T* keep(Index count, const char* what);

    const Stream& stream_;
    Job job_{};
    Moments moments_{};
    DeviceArray<Fault> fault_;
    std::vector<DeviceArray<char>> kept_;
};

}  // namespace cuda
}  // namespace covlasso
