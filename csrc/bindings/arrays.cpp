// Checks of numpy arrays: each failure names the argument, what was expected and what was given.
#include "arrays.hpp"

#include <cstdint>

namespace covlasso::python {

std::string shape_text(const py::array& array) { return py::str(array.attr("shape")).cast<std::string>(); }

py::array array_of(const py::handle& object, const char* name, bool dtype_fits, const char* dtypes) {
    const std::string expected =
        std::string(name) + ": expected a numpy array of dtype " + dtypes + ", given ";
    if (!py::isinstance<py::array>(object))
        throw py::type_error(expected + py::str(py::type::of(object).attr("__name__")).cast<std::string>());
    auto array = py::reinterpret_borrow<py::array>(object);
    if (!dtype_fits) throw py::type_error(expected + "dtype " + py::str(array.dtype()).cast<std::string>());
    return array;
}

void check_vector_shape(const py::array& array, const char* name, Index size) {
    if (array.ndim() != 1 || array.shape(0) != size)
        throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(size) + ",), given " +
                              shape_text(array));
}

void check_layout(const py::array& array, const char* name) {
    const auto item = array.itemsize();
    const auto last = array.ndim() - 1;
    bool fits = array.size() == 0 || array.shape(last) <= 1 || array.strides(last) == item;
    if (array.ndim() == 2 && array.size() != 0 && array.shape(0) > 1)
        fits = fits && array.strides(0) % item == 0 && array.strides(0) >= array.shape(1) * item;
    fits = fits && reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(item) == 0;
    if (!fits)
        throw py::value_error(std::string(name) +
                              ": expected an aligned array with contiguous rows (C order), given strides " +
                              py::str(array.attr("strides")).cast<std::string>() +
                              "; pass numpy.ascontiguousarray(" + name + ")");
}

}  // namespace covlasso::python
