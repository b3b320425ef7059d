#include "paths.hpp"

#include <algorithm>
#include <string>

#include "device_matrix.hpp"
#include "factor.hpp"
#include "watch.hpp"

namespace covlasso::python {

namespace {

py::array matrix_of(const py::handle& object, const char* name) {
    const bool fits =
        py::isinstance<py::array_t<double>>(object) || py::isinstance<py::array_t<float>>(object);
    return array_of(object, name, fits, "float32 or float64");
}

void require_shape(bool fits, const char* name, const std::string& expected, const std::string& given) {
    if (!fits) throw py::value_error(std::string(name) + ": expected shape " + expected + ", given " + given);
}

/// What is in the memory of a device, or null.
const DeviceMatrix* on_device(const py::handle& object) {
    return py::isinstance<DeviceMatrix>(object) ? &object.cast<const DeviceMatrix&>() : nullptr;
}

std::shared_ptr<const Gram> gram_over(const GramArgument& argument) {
    constexpr const char* expected = "(p, p) with p > 0";
    if (py::isinstance<ArrayFactor>(argument)) return argument.cast<const ArrayFactor&>().gram();
    if (const auto* matrix = on_device(argument)) {
        require_shape(matrix->rows() == matrix->cols() && matrix->rows() > 0, "gram", expected,
                      matrix->shape_text());
        if (matrix->is_float64()) return std::make_shared<DenseGram<double>>(matrix->view<double>());
        return std::make_shared<DenseGram<float>>(matrix->view<float>());
    }
    const auto array = matrix_of(argument, "gram");
    require_shape(array.ndim() == 2 && array.shape(0) == array.shape(1) && array.shape(0) > 0, "gram",
                  expected, shape_text(array));
    if (py::isinstance<py::array_t<double>>(array))
        return std::make_shared<DenseGram<double>>(matrix_view<double>(array, "gram"));
    return std::make_shared<DenseGram<float>>(matrix_view<float>(array, "gram"));
}

AnyMatrix cross_over(const MatrixArgument& argument, Index sources) {
    const std::string expected = "(n, " + std::to_string(sources) + ") with n > 0";
    if (const auto* matrix = on_device(argument)) {
        require_shape(matrix->rows() > 0 && matrix->cols() == sources, "cross", expected,
                      matrix->shape_text());
        if (matrix->is_float64()) return matrix->view<double>();
        return matrix->view<float>();
    }
    const auto array = matrix_of(argument, "cross");
    require_shape(array.ndim() == 2 && array.shape(0) > 0 && array.shape(1) == sources, "cross", expected,
                  shape_text(array));
    if (py::isinstance<py::array_t<double>>(array)) return matrix_view<double>(array, "cross");
    return matrix_view<float>(array, "cross");
}

const double* energy_over(const EnergyArgument& argument, Index targets) {
    if (const auto* matrix = on_device(argument)) {
        require_shape(matrix->is_float64() && matrix->has_shape(1, targets), "energy",
                      "(1, " + std::to_string(targets) + ") in float64", matrix->shape_text());
        return matrix->view<double>().data;
    }
    return vector_view<double>(argument, "energy", targets);
}

/// The lists run forward from 0 to the end of the index array, whose length the core cannot know.
ExclusionLists exclusions_over(const VectorArgument<Index>& offset, const VectorArgument<Id>& index,
                               Index targets) {
    const auto* starts = vector_view<Index>(offset, "exclusion_offset", targets + 1);
    const Index total =
        py::isinstance<py::array>(index) ? py::reinterpret_borrow<py::array>(index).size() : 0;
    const auto* ids = vector_view<Id>(index, "exclusion_index", total);
    for (Index t = 0; t < targets; ++t)
        if (starts[t + 1] < starts[t])
            throw py::value_error("exclusion_offset: entry " + std::to_string(t + 1) +
                                  " is below the entry before it");
    if (starts[0] != 0 || starts[targets] != total)
        throw py::value_error(
            "exclusion_offset: expected to run from 0 to len(exclusion_index) = " + std::to_string(total) +
            ", given " + std::to_string(starts[0]) + " to " + std::to_string(starts[targets]));
    return {starts, ids};
}

void require_together(bool first, bool second, const char* names) {
    if (first != second) throw py::value_error(std::string(names) + ": give both or neither");
}

Method method_of(const std::string& name) {
    if (name == "lasso") return Method::lasso;
    if (name == "pursuit") return Method::pursuit;
    throw py::value_error("method: expected \"lasso\" or \"pursuit\", given \"" + name + "\"");
}

SolutionArrays arrays_of(Solutions&& s) {
    return {moved<Index>(std::move(s.offset)),       moved<Id>(std::move(s.index)),
            moved<double>(std::move(s.value)),       moved<double>(std::move(s.lambda)),
            moved<double>(std::move(s.error)),       moved<double>(std::move(s.kkt)),
            moved<std::uint8_t>(std::move(s.status))};
}

}  // namespace

ArrayPaths::ArrayPaths(Arguments arguments)
    : arguments_(std::move(arguments)), gram_(gram_over(arguments_.gram)) {
    const auto data = problem();
    auto settings = options(data.target_count);
    Watch watch(std::move(arguments_.progress));
    settings.progress = [&watch](Index done, Index total) { return watch(done, total); };
    {
        const py::gil_scoped_release free_gil;
        core_ = std::make_unique<Paths>(data, settings);
    }
    watch.raise_if_stopped(data.target_count - core_->interrupted(), data.target_count);
}

Problem ArrayPaths::problem() const {
    const auto& a = arguments_;
    Problem problem;
    problem.gram = gram_.get();
    problem.on_device = on_device(a.gram) != nullptr;
    add_cross(problem);
    problem.target_count = problem.possible_targets();
    if (a.targets) {
        problem.target_count =
            py::isinstance<py::array>(*a.targets) ? py::reinterpret_borrow<py::array>(*a.targets).size() : 0;
        problem.targets = vector_view<Id>(*a.targets, "targets", problem.target_count);
    }
    problem.exclude_self = a.exclude_self;
    require_together(a.exclusion_offset.has_value(), a.exclusion_index.has_value(),
                     "exclusion_offset and exclusion_index");
    if (a.exclusion_offset)
        problem.exclusions = exclusions_over(*a.exclusion_offset, *a.exclusion_index, problem.target_count);
    if (a.weights) add_weights(problem);
    if (a.own_rows) add_own(problem);
    return problem;
}

void ArrayPaths::add_cross(Problem& problem) const {
    const auto& a = arguments_;
    require_together(a.cross.has_value(), a.energy.has_value(), "cross and energy");
    if (!a.cross) return;
    if ((on_device(*a.cross) != nullptr) != problem.on_device)
        throw py::value_error("gram and cross: give both in host memory or both in that of a device");
    if (on_device(*a.energy) && !problem.on_device)
        throw py::value_error("energy: expected an array in host memory, as gram is");
    problem.cross = cross_over(*a.cross, gram_->size());
    problem.energy = energy_over(*a.energy, problem.cross.rows());
}

void ArrayPaths::add_weights(Problem& problem) const {
    const auto& weights = *arguments_.weights;
    const auto array = array_of(weights, "weights", py::isinstance<py::array_t<double>>(weights), "float64");
    const auto p = gram_->size();
    const bool shared = array.ndim() == 1 && array.shape(0) == p;
    const bool each = array.ndim() == 2 && array.shape(0) == problem.target_count && array.shape(1) == p;
    require_shape(shared || each, "weights",
                  "(" + std::to_string(p) + ",) or (" + std::to_string(problem.target_count) + ", " +
                      std::to_string(p) + ")",
                  shape_text(array));
    check_layout(array, "weights");
    problem.weights = static_cast<const double*>(array.data());
    problem.weights_stride = shared ? 0 : matrix_view<double>(array, "weights").stride;
}

void ArrayPaths::add_own(Problem& problem) const {
    const auto& a = arguments_;
    const auto array =
        array_of(*a.own_rows, "own", py::isinstance<py::array_t<double>>(*a.own_rows), "float64");
    require_shape(array.ndim() == 2 && array.shape(1) == gram_->size(), "own",
                  "(rows, " + std::to_string(gram_->size()) + ")", shape_text(array));
    problem.own.rows = matrix_view<double>(array, "own");
    if (a.own_offset)
        problem.own.offset = vector_view<Index>(*a.own_offset, "own offset", problem.target_count + 1);
    if (a.own_first) problem.own.first = vector_view<Index>(*a.own_first, "own first", problem.target_count);
    if (!a.own_response) return;
    const Index last = problem.target_count - 1,
                responses = problem.own.begin(last) + problem.own.count(last);
    problem.own.response = vector_view<double>(*a.own_response, "own response", responses);
}

Options ArrayPaths::options(Index target_count) const {
    const auto& a = arguments_;
    Options options;
    options.method = method_of(a.method);
    options.max_terms = a.max_terms;
    if (const auto* one = std::get_if<double>(&a.min_lambda))
        options.min_lambda = *one;
    else
        options.min_lambdas =
            vector_view<double>(std::get<VectorArgument<double>>(a.min_lambda), "min_lambda", target_count);
    options.relative_error = a.relative_error;
    options.l2 = a.l2;
    options.positive = a.positive;
    options.threads = a.n_threads;
    options.devices = a.devices;
    options.stream = reinterpret_cast<void*>(a.stream);
    return options;
}

void ArrayPaths::check_target(Index t) const {
    if (t < 0 || t >= targets())
        throw py::index_error("t: expected a position below n_targets = " + std::to_string(targets()) +
                              ", given " + std::to_string(t));
}

template <class Read>
SolutionArrays ArrayPaths::read(Read read) const {
    Watch watch{py::object(py::none())};
    Solutions solutions;
    {
        const py::gil_scoped_release free_gil;
        solutions = read([&watch](Index done, Index total) { return watch(done, total); });
    }
    const auto left = std::count(solutions.status.begin(), solutions.status.end(), Status::interrupted);
    watch.raise_if_stopped(targets() - static_cast<Index>(left), targets());
    return arrays_of(std::move(solutions));
}

SolutionArrays ArrayPaths::at_lambda(const VectorArgument<double>& lam, bool refit) const {
    const auto* lambda = vector_view<double>(lam, "lam", targets());
    return read([&](const Progress& watch) { return core_->at_lambda(lambda, refit, watch); });
}

SolutionArrays ArrayPaths::at_terms(Index terms, bool refit) const {
    return read([&](const Progress& watch) { return core_->at_terms(terms, refit, watch); });
}

SolutionArrays ArrayPaths::at_relative_error(double relative_error, bool refit) const {
    return read(
        [&](const Progress& watch) { return core_->at_relative_error(relative_error, refit, watch); });
}

std::tuple<py::array_t<double>, py::array_t<double>> ArrayPaths::profile(
    Index t, const VectorArgument<double>& lam) const {
    check_target(t);
    const Index count = py::isinstance<py::array>(lam) ? py::reinterpret_borrow<py::array>(lam).size() : 0;
    auto profile = core_->profile(t, vector_view<double>(lam, "lam", count), count);
    return {moved<double>(std::move(profile.error)), moved<double>(std::move(profile.l1_norm))};
}

KnotArrays ArrayPaths::knots(Index t) const {
    check_target(t);
    auto knots = core_->knots(t);
    std::vector<double> lambda;
    std::vector<Id> source;
    std::vector<std::int32_t> sign;
    for (const auto& event : knots.event) {
        lambda.push_back(event.lambda);
        source.push_back(event.source);
        sign.push_back(event.sign);
    }
    return {moved<double>(std::move(lambda)),     moved<Id>(std::move(source)),
            moved<std::int32_t>(std::move(sign)), moved<Index>(std::move(knots.offset)),
            moved<Id>(std::move(knots.index)),    moved<double>(std::move(knots.value))};
}

}  // namespace covlasso::python
