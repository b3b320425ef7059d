// The core's Paths behind numpy arrays: keeps them alive and turns results into arrays.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "covlasso/path.hpp"

namespace covlasso::python {

/// The arguments of Paths.__init__, as Python hands them over.
struct Arguments {
    GramArgument gram;
    std::optional<MatrixArgument> cross;
    std::optional<EnergyArgument> energy;
    std::optional<VectorArgument<Id>> targets;
    bool exclude_self;
    std::optional<VectorArgument<Index>> exclusion_offset;
    std::optional<VectorArgument<Id>> exclusion_index;
    std::optional<VectorArgument<double>> weights;
    std::optional<MatrixArgument> own_rows;
    std::optional<VectorArgument<double>> own_response;
    std::optional<VectorArgument<Index>> own_offset;
    std::optional<VectorArgument<Index>> own_first;
    std::string method;
    Index max_terms;
    std::variant<double, VectorArgument<double>> min_lambda;
    double relative_error;
    double l2;
    bool positive;
    int n_threads;
    std::vector<int> devices;
    std::uintptr_t stream;
    py::object progress;
};

/// Sparse solutions as the arrays of a scipy.sparse.csr_array, and what is known about each.
struct SolutionArrays {
    py::array_t<Index> indptr;
    py::array_t<Id> indices;
    py::array_t<double> data, lam, error, kkt;
    py::array_t<std::uint8_t> status;
};

using KnotArrays = std::tuple<py::array_t<double>, py::array_t<Id>, py::array_t<std::int32_t>,
                              py::array_t<Index>, py::array_t<Id>, py::array_t<double>>;

/// covlasso::Paths with the arrays it looks at.
class ArrayPaths {
public:
    /// Checks the arrays and solves, without the GIL; see Watch for what progress and Ctrl-C do.
    explicit ArrayPaths(Arguments arguments);

    Index targets() const { return core_->size(); }
    Index sources() const { return gram_->size(); }
    const Paths& core() const { return *core_; }

    SolutionArrays at_lambda(const VectorArgument<double>& lam, bool refit) const;
    SolutionArrays at_terms(Index terms, bool refit) const;
    SolutionArrays at_relative_error(double relative_error, bool refit) const;
    std::tuple<py::array_t<double>, py::array_t<double>> profile(Index t,
                                                                 const VectorArgument<double>& lam) const;
    KnotArrays knots(Index t) const;

private:
    /// Solutions from read(watch), with Ctrl-C answered meanwhile.
    template <class Read>
    SolutionArrays read(Read read) const;

    Problem problem() const;
    void add_cross(Problem& problem) const;
    void add_weights(Problem& problem) const;
    void add_own(Problem& problem) const;
    Options options(Index target_count) const;
    void check_target(Index t) const;

    Arguments arguments_;
    std::shared_ptr<const Gram> gram_;
    std::unique_ptr<Paths> core_;
};

}  // namespace covlasso::python
