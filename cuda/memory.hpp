// Memory of the device, and flags in memory that host and device see.
#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "device.hpp"

namespace covlasso {
namespace cuda {

/// @throws OutOfDeviceMemory  naming what it is for, how much is wanted and how much is free.
void* allocate(const Stream& stream, std::size_t bytes, const char* what);
void release(const Stream& stream, void* memory);

/// Bytes of the current device that are free.
std::size_t free_memory();

/// What has been released goes back to the system, once the work of the stream is done.
void keep_nothing(const Stream& stream);

/// `count` elements in the order of a stream, which outlives them: they are there for what the stream is given after
/// their construction and before their end.
template <class T>
class DeviceArray {
public:
    explicit DeviceArray(const Stream& stream) : stream_(&stream) {}
    DeviceArray(const Stream& stream, std::size_t count, const char* what)
        : stream_(&stream),
          data_(count > 0 ? static_cast<T*>(allocate(stream, count * sizeof(T), what)) : nullptr),
          count_(count) {}
    ~DeviceArray() {
        if (data_ != nullptr) release(*stream_, data_);
    }
    DeviceArray(DeviceArray&& other) noexcept
        : stream_(other.stream_), data_(std::exchange(other.data_, nullptr)), count_(other.count_) {}
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        std::swap(stream_, other.stream_);
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }

    T* data() const { return data_; }
    std::size_t size() const { return count_; }

    /// From memory of the host or of any device.
    void upload(const T* from, std::size_t count) const {
        check(cudaMemcpyAsync(data_, from, count * sizeof(T), cudaMemcpyDefault, stream_->get()),
              "copying to the device");
    }
    void fill(int byte) const {
        check(cudaMemsetAsync(data_, byte, count_ * sizeof(T), stream_->get()),
              "clearing memory of the device");
    }
    /// Returns when they are there.
    void download(T* to, std::size_t count) const {
        check(cudaMemcpyAsync(to, data_, count * sizeof(T), cudaMemcpyDeviceToHost, stream_->get()),
              "copying results to the host");
        stream_->synchronize();
    }
    std::vector<T> download(std::size_t count) const {
        std::vector<T> all(count);
        if (count > 0) download(all.data(), count);
        return all;
    }

private:
    const Stream* stream_;
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

template <class T>
DeviceArray<T> uploaded(const Stream& stream, const T* from, std::size_t count, const char* what) {
    DeviceArray<T> array(stream, count, what);
    if (count > 0) array.upload(from, count);
    return array;
}

/// One T in page-locked memory of the host, which the device reads and writes too while it works.
template <class T>
class Shared {
public:
    Shared() {
        void *host = nullptr, *device = nullptr;
        check(cudaHostAlloc(&host, sizeof(T), cudaHostAllocMapped), "sharing memory");
        host_ = new (host) T{};
        const cudaError_t error = cudaHostGetDevicePointer(&device, host, 0);
        if (error != cudaSuccess) ignore(cudaFreeHost(host));
        check(error, "sharing memory");
        device_ = static_cast<T*>(device);
    }
    ~Shared() { ignore(cudaFreeHost(const_cast<T*>(host_))); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    volatile T* host() const { return host_; }
    volatile T* device() const { return device_; }

private:
    volatile T* host_ = nullptr;
    volatile T* device_ = nullptr;
};

}  // namespace cuda
}  // namespace covlasso
