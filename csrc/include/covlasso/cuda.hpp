// What this build and this machine have of CUDA.
#pragma once

#include <string>

#include "covlasso/matrix.hpp"

namespace covlasso {

/// Whether this library was built with its CUDA code.
bool cuda_built();

/// How many CUDA devices it can use: 0 where there is no such code, no driver, or no device. Never throws.
int cuda_device_count() noexcept;

/// Why none of them can be used, and what to do; empty where one can. After a kernel has failed CUDA gives no answer any more
/// in that process, which is another reason than that there is no device.
std::string cuda_unavailable_reason();

/// Whether Options::devices may name one.
inline bool cuda_available() { return cuda_unavailable_reason().empty(); }

/// The device in whose memory `pointer` lies.
/// @throws InvalidArgument  it is no such memory;  DeviceUnavailable  there is no CUDA.
int cuda_device_of(const void* pointer);

/// Copies a matrix from the memory of a device into host memory, rows one after the other, once the work of `stream`
/// (a cudaStream_t of that device) is done.
void copy_from_device(const MatrixView<float>& from, int device, void* stream, float* to);
void copy_from_device(const MatrixView<double>& from, int device, void* stream, double* to);

}  // namespace covlasso
