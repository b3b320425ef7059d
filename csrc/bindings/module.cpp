// The extension module covlasso._core: names, signatures and docstrings.
#include <pybind11/native_enum.h>

#include "covlasso/covlasso.hpp"
#include "covlasso/cuda.hpp"
#include "device_matrix.hpp"
#include "factor.hpp"
#include "paths.hpp"

namespace covlasso::python {

namespace {

constexpr const char* paths_doc = R"(Exact solution paths of all targets.

For each target i: minimise b'Gb - 2 c_i'b + e_i + l2 |b|^2 + lambda sum_j w_ij |b_j| over b, for every lambda
from lambda_max down to where the path ends. lambda and l2 are on the paper's scale (no 1/2).

Arrays are looked at, never copied, and kept alive. Matrices have contiguous rows; a row stride is allowed.

Parameters
----------
gram : (p, p) float32 or float64, G; or a FactoredGram; a DeviceMatrix if it is in the memory of devices[0]
cross : (n, p) float32 or float64, rows c_i; None: the intra-network form (c_i = G_i, e_i = G_ii, b_i = 0)
energy : (n,) float64, e_i; given exactly when cross is; where gram is a DeviceMatrix, cross is one, and energy may be
targets : (n_targets,) int32, rows to solve, or None for all
exclude_self : b_i = 0 for target i
exclusion_offset, exclusion_index : (n_targets + 1,) int64, (nnz,) int32; sources with b_j = 0 per target
weights : (p,) or (n_targets, p) float64, w_ij >= 0; 0: unpenalised, inf: excluded; None: all 1
own_rows, own_response, own_offset, own_first : (rows, p), (nnz,) float64, (n_targets + 1,), (n_targets,) int64
    What counts for single targets only: the rows V_i of target t are own_offset[t + 1] - own_offset[t] of own_rows
    from own_first[t] on (None: from own_offset[t], and without own_offset row t). With G + V_i'V_i, c_i + V_i'u_i and
    e_i + u_i'u_i, where u_i is own_response[own_offset[t]] and so on; without cross column i of V_i
method : "lasso", or "pursuit": terms one after the other, each with the largest |g_j| / w_ij (orthogonal matching
    pursuit), with no solution at a lambda and no b >= 0
max_terms : a path ends before a term more than these would enter
min_lambda : float or (n_targets,) float64; a path ends at this lambda
relative_error : a path ends where its error is at most this times e_i
l2 : ridge term
positive : b >= 0
n_threads : 0 for one per hardware thread
devices : numbers of the CUDA devices that share the targets; empty: the processors
stream : cudaStream_t of devices[0] after whose work the arrays are there; 0: the default one
progress : called as progress(done, total) about ten times a second, or None

Raises
------
TypeError, ValueError
    Naming the argument, what was expected and what was given.
RuntimeError
    A device cannot be used, or its memory does not suffice.
KeyboardInterrupt
    "interrupted: 312 of 1000 targets were done". What `progress` raises is raised unchanged.)";

ArrayPaths make_paths(GramArgument gram, std::optional<MatrixArgument> cross,
                      std::optional<EnergyArgument> energy, std::optional<VectorArgument<Id>> targets,
                      bool exclude_self, std::optional<VectorArgument<Index>> exclusion_offset,
                      std::optional<VectorArgument<Id>> exclusion_index,
                      std::optional<VectorArgument<double>> weights, std::optional<MatrixArgument> own_rows,
                      std::optional<VectorArgument<double>> own_response,
                      std::optional<VectorArgument<Index>> own_offset,
                      std::optional<VectorArgument<Index>> own_first, std::string method, Index max_terms,
                      std::variant<double, VectorArgument<double>> min_lambda, double relative_error,
                      double l2, bool positive, int n_threads, std::vector<int> devices,
                      std::uintptr_t stream, ProgressArgument progress) {
    return ArrayPaths({std::move(gram),
                       std::move(cross),
                       std::move(energy),
                       std::move(targets),
                       exclude_self,
                       std::move(exclusion_offset),
                       std::move(exclusion_index),
                       std::move(weights),
                       std::move(own_rows),
                       std::move(own_response),
                       std::move(own_offset),
                       std::move(own_first),
                       std::move(method),
                       max_terms,
                       std::move(min_lambda),
                       relative_error,
                       l2,
                       positive,
                       n_threads,
                       std::move(devices),
                       stream,
                       std::move(progress)});
}

void bind_factored_gram(py::module_& m) {
    py::class_<ArrayFactor>(m, "FactoredGram", "G = F F' over its factor, which is looked at, never copied.")
        .def(py::init<const VectorArgument<double>&>(), py::arg("factor"),
             "factor : (n, r) float64 with contiguous rows, each of length 0 or 1e-75 to 1e75")
        .def("diagonal", &ArrayFactor::diagonal, "(n,) G_jj")
        .def("rows", &ArrayFactor::rows, py::arg("index"), "(k, n) rows of G; index : (k,) int32");
}

void bind_cuda(py::module_& m) {
    m.def("cuda_built", &cuda_built, "Whether the core was built with its CUDA code.");
    m.def("cuda_device_count", &cuda_device_count,
          "How many CUDA devices it can use: 0 where there is no such code, no driver, or no device.");
    m.def("cuda_unavailable_reason", &cuda_unavailable_reason,
          "Why no device can be used, and what to do; empty where one can.");
    m.def(
        "cuda_pointer_device",
        [](std::uintptr_t pointer) { return cuda_device_of(reinterpret_cast<const void*>(pointer)); },
        py::arg("pointer"), "The device in whose memory the address lies; ValueError: in that of none.");
    py::class_<DeviceMatrix>(m, "DeviceMatrix", "A matrix in the memory of a CUDA device, kept by its owner.")
        .def(py::init<std::uintptr_t, Index, Index, Index, bool, int, py::object>(), py::arg("pointer"),
             py::arg("rows"), py::arg("cols"), py::arg("stride"), py::arg("is_float64"), py::arg("device"),
             py::arg("owner"),
             "stride : from one row to the next, in numbers\nis_float64 : float64, otherwise float32")
        .def("to_host", &DeviceMatrix::to_host, py::arg("stream"),
             "(rows, cols) numpy array of the numbers, once the work of the stream (a cudaStream_t) is done");
}

void bind_status(py::module_& m) {
    py::native_enum<Status>(m, "Status", "enum.IntEnum", "What is known about one target's path or solution.")
        .value("CERTIFIED", Status::certified)
        .value("TERMS", Status::terms)
        .value("LAMBDA", Status::lambda)
        .value("ERROR", Status::error)
        .value("EXHAUSTED", Status::exhausted)
        .value("FLOOR", Status::floor)
        .value("UNCERTIFIED", Status::uncertified)
        .value("INTERRUPTED", Status::interrupted)
        .finalize();
}

void bind_solutions(py::module_& m) {
    py::class_<SolutionArrays>(m, "Solutions",
                               "Sparse solutions, one per target, as the arrays of a csr matrix.")
        .def_readonly("indptr", &SolutionArrays::indptr, "(n_targets + 1,) where each target's entries start")
        .def_readonly("indices", &SolutionArrays::indices, "sources, ascending within a target")
        .def_readonly("data", &SolutionArrays::data, "coefficients b")
        .def_readonly(
            "lam", &SolutionArrays::lam,
            "(n_targets,) where on the path, paper's scale (no 1/2); in a pursuit the largest score left")
        .def_readonly("error", &SolutionArrays::error,
                      "(n_targets,) b'Gb - 2 c'b + e, of the refitted b after refit")
        .def_readonly("kkt", &SolutionArrays::kkt,
                      "(n_targets,) KKT residual of the Lasso solution, relative to lambda; in a pursuit the "
                      "violation of\n"
                      "its normal equations and of the greedy rule, relative to the first score")
        .def_readonly("status", &SolutionArrays::status, "(n_targets,) values of Status");
}

/// A property of Paths that shows one number per target, or one per event, without copying it.
template <class Get>
auto shown(Get get) {
    return [get](const py::object& self) { return get(py::cast<const ArrayPaths&>(self).core(), self); };
}

template <class T>
py::array_t<T> all_of(const std::vector<T>& vector, const py::object& owner) {
    return borrowed(vector.data(), vector.size(), sizeof(T), owner);
}

template <class T>
py::array_t<T> of_events(const Paths& paths, T Event::* member, const py::object& owner) {
    const auto& events = paths.events();
    return borrowed(events.empty() ? nullptr : &(events.data()->*member), events.size(), sizeof(Event),
                    owner);
}

void bind_path_arrays(py::class_<ArrayPaths>& paths) {
    using Self = const py::object&;
    paths
        .def_property_readonly(
            "lambda_max", shown([](const Paths& p, Self self) { return all_of(p.lambda_max(), self); }),
            "(n_targets,) the solution is zero iff lambda >= lambda_max; paper's scale (no 1/2)")
        .def_property_readonly("lambda_end",
                               shown([](const Paths& p, Self self) { return all_of(p.lambda_end(), self); }),
                               "(n_targets,) where the path ends; paper's scale (no 1/2)")
        .def_property_readonly("kkt", shown([](const Paths& p, Self self) { return all_of(p.kkt(), self); }),
                               "(n_targets,) KKT residual at the end of the path, relative to lambda")
        .def_property_readonly("status", shown([](const Paths& p, Self self) {
                                   const auto* data =
                                       reinterpret_cast<const std::uint8_t*>(p.status().data());
                                   return borrowed(data, p.status().size(), 1, self);
                               }),
                               "(n_targets,) why the path ended: values of Status")
        .def_property_readonly("offset",
                               shown([](const Paths& p, Self self) { return all_of(p.offset(), self); }),
                               "(n_targets + 1,) where each target's events start")
        .def_property_readonly(
            "event_lambda",
            shown([](const Paths& p, Self self) { return of_events(p, &Event::lambda, self); }),
            "lambda of each event, paper's scale (no 1/2), in a pursuit the score; inf for unpenalised "
            "sources")
        .def_property_readonly("event_source", shown([](const Paths& p, Self self) {
                                   return of_events(p, &Event::source, self);
                               }),
                               "source of each event")
        .def_property_readonly(
            "event_sign", shown([](const Paths& p, Self self) { return of_events(p, &Event::sign, self); }),
            "sign with which it enters, 0 where it leaves");
}

void bind_paths(py::module_& m) {
    py::class_<ArrayPaths> paths(m, "Paths", paths_doc);
    paths
        .def(py::init(&make_paths), py::arg("gram"), py::arg("cross"), py::arg("energy"), py::arg("targets"),
             py::arg("exclude_self"), py::arg("exclusion_offset"), py::arg("exclusion_index"),
             py::arg("weights"), py::kw_only(), py::arg("own_rows") = py::none(),
             py::arg("own_response") = py::none(), py::arg("own_offset") = py::none(),
             py::arg("own_first") = py::none(), py::arg("method") = "lasso", py::arg("max_terms"),
             py::arg("min_lambda"), py::arg("relative_error"), py::arg("l2"), py::arg("positive"),
             py::arg("n_threads"), py::arg("devices"), py::arg("stream"), py::arg("progress"))
        .def_property_readonly("n_targets", &ArrayPaths::targets)
        .def_property_readonly("n_sources", &ArrayPaths::sources)
        .def("at_lambda", &ArrayPaths::at_lambda, py::arg("lam"), py::arg("refit"),
             "Solutions at one lambda per target, (n_targets,) float64, paper's scale (no 1/2).")
        .def("at_terms", &ArrayPaths::at_terms, py::arg("terms"), py::arg("refit"),
             "Solutions just before term `terms` + 1 enters for the first time.")
        .def("at_relative_error", &ArrayPaths::at_relative_error, py::arg("relative_error"), py::arg("refit"),
             "Solutions at the largest lambda with error <= relative_error * e_i.")
        .def("profile", &ArrayPaths::profile, py::arg("t"), py::arg("lam"),
             "Error b'Gb - 2 c'b + e and l1 norm of the target at position t, for each lambda (paper's "
             "scale, no 1/2).")
        .def("knots", &ArrayPaths::knots, py::arg("t"),
             "lambda, source, sign of each knot of the target at position t, and the coefficients there in "
             "csr form\n"
             "(indptr, indices, data); lambda on the paper's scale (no 1/2).");
    bind_path_arrays(paths);
}

}  // namespace

}  // namespace covlasso::python

// Results are immutable, and the core keeps no global state: safe without the GIL.
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    namespace py = pybind11;
    using namespace covlasso::python;
    m.doc() = "The C++ core behind numpy arrays; use it through the covlasso package.";
    m.attr("__version__") = COVLASSO_VERSION;
    m.attr("KKT_TOLERANCE") = covlasso::kkt_tolerance;
    m.def("instruction_set", &covlasso::instruction_set,
          "The code that runs here: avx512, avx2 or baseline.");
    py::register_local_exception_translator([](std::exception_ptr raised) {
        try {
            std::rethrow_exception(raised);
        } catch (const covlasso::InvalidArgument& error) {
            py::set_error(PyExc_ValueError, error.what());
        }
    });
    bind_factored_gram(m);
    bind_cuda(m);
    bind_status(m);
    bind_solutions(m);
    bind_paths(m);
}
