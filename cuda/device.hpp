// Devices, streams and events: every call is checked, every resource has an owner.
#pragma once

#include <cuda_runtime_api.h>

#include <new>
#include <string>

#include "driver.hpp"

namespace covlasso {
namespace cuda {

/// "out of memory (cudaErrorMemoryAllocation)"
std::string word_for(cudaError_t error);

/// @throws Error  naming what was done, and CUDA's word for what went wrong.
void check(cudaError_t error, const char* doing);

/// For what is released: a failure there is not blamed on the next call.
void ignore(cudaError_t error) noexcept;

/// "cuda:0 (NVIDIA H100)"
std::string name_of(int device);

/// @throws DeviceUnavailable  unless there is such a device, and it can do what this library asks of it.
void require_device(int device);

/// Why cudaGetDeviceCount names no device, and what to do.
std::string why_none_is_seen(cudaError_t error);

/// Why a device that is there cannot be used, and what to do; empty where it can.
std::string obstacle_of(int device);

int attribute(int device, cudaDeviceAttr attribute);

/// Makes a device the current one of this thread until the end of the scope. No other device is touched: a thread that
/// worked on none before does so afterwards.
class DeviceScope {
public:
    explicit DeviceScope(int device);
    /// For what is released at the end, where nobody hears of a failure.
    DeviceScope(int device, std::nothrow_t) noexcept;
    ~DeviceScope();
    DeviceScope(const DeviceScope&) = delete;
    DeviceScope& operator=(const DeviceScope&) = delete;

private:
    void enter(int device);

    CUcontext before_ = nullptr;
    bool entered_ = false;
};

/// A point in the work of a stream of the current device.
class Mark {
public:
    explicit Mark(cudaStream_t stream);
    ~Mark();
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

    cudaEvent_t get() const { return event_; }
    bool reached() const;

private:
    cudaEvent_t event_ = nullptr;
};

/// A stream of the current device, which waits for nothing but what it is told to wait for.
class Stream {
public:
    Stream();
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    cudaStream_t get() const { return stream_; }

    /// What it is given from now on begins after `mark`, of any device.
    void wait_for(const Mark& mark) const;
    /// Returns when all that it was given is done.
    void synchronize() const;

private:
    cudaStream_t stream_ = nullptr;
};

}  // namespace cuda
}  // namespace covlasso
