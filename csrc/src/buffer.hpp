// Owned scratch memory for the solver: aligned, uninitialised, growing by doubling.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>

#include "covlasso/gram.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Plain memory instead of std::vector: this header is compiled once per instruction set, and a template of the
/// standard library instantiated here could be linked into code that runs on a smaller processor.
template <class T>
class Buffer {
public:
    Buffer() = default;
    ~Buffer() { std::free(raw_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](Index i) { return data_[i]; }
    const T& operator[](Index i) const { return data_[i]; }

    /// Room for `count` elements; the first `used` of the old ones are kept.
    void reserve(Index count, Index used = 0) {
        if (count <= capacity_) return;
        const Index grown = count > 2 * capacity_ ? count : 2 * capacity_;
        void* raw = std::malloc(static_cast<std::size_t>(grown) * sizeof(T) + alignment);
        if (raw == nullptr) throw std::bad_alloc();
        T* data =
            reinterpret_cast<T*>((reinterpret_cast<std::uintptr_t>(raw) + alignment - 1) & ~(alignment - 1));
        if (used > 0) std::memcpy(data, data_, static_cast<std::size_t>(used) * sizeof(T));
        std::free(raw_);
        raw_ = raw;
        data_ = data;
        capacity_ = grown;
    }

    void swap(Buffer& other) {
        T* data = data_;
        data_ = other.data_;
        other.data_ = data;
        void* raw = raw_;
        raw_ = other.raw_;
        other.raw_ = raw;
        Index capacity = capacity_;
        capacity_ = other.capacity_;
        other.capacity_ = capacity;
    }

private:
    static constexpr std::uintptr_t alignment = 64;  // a cache line, and the widest vector

    void* raw_ = nullptr;
    T* data_ = nullptr;
    Index capacity_ = 0;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
