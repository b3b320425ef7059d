// What this build and this machine have of CUDA.
#pragma once

namespace covlasso {

/// Whether this library was built with its CUDA code.
bool cuda_built();

/// How many CUDA devices it can use: 0 where there is no such code, no driver, or no device. Never throws.
int cuda_device_count() noexcept;

/// Whether Options::devices may name one.
inline bool cuda_available() { return cuda_device_count() > 0; }

}  // namespace covlasso
