#include "device_matrix.hpp"

#include "covlasso/cuda.hpp"

namespace covlasso::python {

DeviceMatrix::DeviceMatrix(std::uintptr_t pointer, Index rows, Index cols, Index stride, bool is_float64,
                           int device, py::object owner)
    : pointer_(pointer),
      rows_(rows),
      cols_(cols),
      stride_(stride),
      is_float64_(is_float64),
      device_(device),
      owner_(std::move(owner)) {
    if (rows < 0 || cols < 0)
        throw py::value_error("shape: expected counts of at least 0, given " + shape_text());
    if (rows > 1 && stride < cols)
        throw py::value_error("stride: expected at least " + std::to_string(cols) + " numbers, given " +
                              std::to_string(stride));
}

std::string DeviceMatrix::shape_text() const {
    return "(" + std::to_string(rows_) + ", " + std::to_string(cols_) + ")";
}

py::array DeviceMatrix::to_host(std::uintptr_t stream) const {
    auto* const handle = reinterpret_cast<void*>(stream);
    return is_float64_ ? copied<double>(handle) : copied<float>(handle);
}

template <class T>
py::array DeviceMatrix::copied(void* stream) const {
    py::array_t<T> out({rows_, cols_});
    T* const to = out.mutable_data();
    const py::gil_scoped_release free_gil;
    copy_from_device(view<T>(), device_, stream, to);
    return out;
}

}  // namespace covlasso::python
