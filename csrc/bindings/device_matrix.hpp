// A matrix in the memory of a CUDA device, as Python hands it over.
#pragma once

#include <cstdint>
#include <string>

#include "arrays.hpp"

namespace covlasso::python {

/// Where the numbers are, and the object that keeps them there.
class DeviceMatrix {
public:
    /// TypeError, ValueError unless rows do not overlap.
    DeviceMatrix(std::uintptr_t pointer, Index rows, Index cols, Index stride, bool is_float64, int device,
                 py::object owner);

    /// "(3, 4)"
    std::string shape_text() const;
    bool has_shape(Index rows, Index cols) const { return rows_ == rows && cols_ == cols; }
    Index rows() const { return rows_; }
    Index cols() const { return cols_; }
    bool is_float64() const { return is_float64_; }

    template <class T>
    MatrixView<T> view() const {
        return {reinterpret_cast<const T*>(pointer_), rows_, cols_, stride_};
    }

    /// The numbers as a numpy array, (rows, cols), once the work of `stream` (a cudaStream_t) is done.
    py::array to_host(std::uintptr_t stream) const;

private:
    template <class T>
    py::array copied(void* stream) const;

    std::uintptr_t pointer_;
    Index rows_, cols_, stride_;
    bool is_float64_;
    int device_;
    py::object owner_;
};

}  // namespace covlasso::python
