// The border between numpy and the core: checked views of arrays that come in, vectors moved out uncopied.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "covlasso/gram.hpp"

namespace covlasso::python {

namespace py = pybind11;

inline bool is_anything(PyObject*) { return true; }
inline bool is_none_or_callable(PyObject* object) {
    return object == Py_None || PyCallable_Check(object) != 0;
}

/// An argument that shall be a numpy array of T; what it really is, is checked by vector_view().
template <class T>
class VectorArgument : public py::object {
public:
    PYBIND11_OBJECT_DEFAULT(VectorArgument, object, is_anything)
};

/// The same for float32 or float64, or an object of the class DeviceMatrix; checked by array_of() and matrix_view().
class MatrixArgument : public py::object {
public:
    PYBIND11_OBJECT_DEFAULT(MatrixArgument, object, is_anything)
};

/// The same, or an object of the class FactoredGram.
class GramArgument : public py::object {
public:
    PYBIND11_OBJECT_DEFAULT(GramArgument, object, is_anything)
};

/// An argument that shall be a float64 array, or an object of the class DeviceMatrix.
class EnergyArgument : public py::object {
public:
    PYBIND11_OBJECT_DEFAULT(EnergyArgument, object, is_anything)
};

/// An argument that shall be None or a callable progress(done, total).
class ProgressArgument : public py::object {
public:
    PYBIND11_OBJECT_DEFAULT(ProgressArgument, object, is_none_or_callable)
};

/// "(3, 4)": a shape as Python prints it.
std::string shape_text(const py::array& array);

/// The array itself. Throws TypeError unless `object` is a numpy array whose dtype is among `dtypes`.
py::array array_of(const py::handle& object, const char* name, bool dtype_fits, const char* dtypes);

/// Throws ValueError unless rows are contiguous, aligned and apart (C order; a row stride is allowed).
void check_layout(const py::array& array, const char* name);

/// Throws ValueError unless the shape is (size,).
void check_vector_shape(const py::array& array, const char* name, Index size);

/// Start of a one-dimensional array of exactly `size` numbers of type T; TypeError or ValueError otherwise.
template <class T>
const T* vector_view(const py::handle& object, const char* name, Index size) {
    const auto array = array_of(object, name, py::isinstance<py::array_t<T>>(object),
                                py::str(py::dtype::of<T>()).template cast<std::string>().c_str());
    check_vector_shape(array, name, size);
    check_layout(array, name);
    return static_cast<const T*>(array.data());
}

/// View of a C-ordered two-dimensional array whose dtype is known to be T; ValueError for another layout.
template <class T>
MatrixView<T> matrix_view(const py::array& array, const char* name) {
    check_layout(array, name);
    const Index rows = array.shape(0), cols = array.shape(1);
    // numpy leaves the stride of a single row undefined.
    const Index stride = rows > 1 ? array.strides(0) / static_cast<Index>(sizeof(T)) : cols;
    return {static_cast<const T*>(array.data()), rows, cols, stride};
}

/// A numpy array that owns what was the vector's memory.
template <class T, class Stored>
py::array_t<T> moved(std::vector<Stored>&& vector) {
    static_assert(sizeof(T) == sizeof(Stored));
    auto kept = std::make_unique<std::vector<Stored>>(std::move(vector));
    const auto size = static_cast<py::ssize_t>(kept->size());
    const auto* data = reinterpret_cast<const T*>(kept->data());
    const py::capsule owner(kept.get(), [](void* p) { delete static_cast<std::vector<Stored>*>(p); });
    kept.release();
    return py::array_t<T>(size, data, owner);
}

/// A read-only numpy array over memory that `owner` keeps alive; `stride` in bytes.
template <class T>
py::array_t<T> borrowed(const T* data, std::size_t size, std::size_t stride, const py::object& owner) {
    py::array_t<T> array({static_cast<py::ssize_t>(size)}, {static_cast<py::ssize_t>(stride)}, data, owner);
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

}  // namespace covlasso::python

namespace pybind11::detail {

// How the arguments read in signatures and in the stub file.
template <class T>
struct handle_type_name<covlasso::python::VectorArgument<T>> {
    static constexpr auto name =
        const_name("numpy.typing.NDArray[") + npy_format_descriptor<T>::name + const_name("]");
};
template <>
struct handle_type_name<covlasso::python::MatrixArgument> {
    static constexpr auto name = const_name(
        "numpy.typing.NDArray[numpy.float32] | numpy.typing.NDArray[numpy.float64] | DeviceMatrix");
};
template <>
struct handle_type_name<covlasso::python::GramArgument> {
    static constexpr auto name = const_name(
        "numpy.typing.NDArray[numpy.float32] | numpy.typing.NDArray[numpy.float64] | FactoredGram | "
        "DeviceMatrix");
};
template <>
struct handle_type_name<covlasso::python::EnergyArgument> {
    static constexpr auto name = const_name("numpy.typing.NDArray[numpy.float64] | DeviceMatrix");
};
template <>
struct handle_type_name<covlasso::python::ProgressArgument> {
    static constexpr auto name = const_name("collections.abc.Callable[[int, int], object] | None");
};

}  // namespace pybind11::detail
