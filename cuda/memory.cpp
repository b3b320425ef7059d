#include "memory.hpp"

#include <string>

#include "covlasso/error.hpp"

namespace covlasso {
namespace cuda {

static std::string megabytes(std::size_t bytes) { return std::to_string((bytes + 999999) / 1000000) + " MB"; }

void* allocate(const Stream& stream, std::size_t bytes, const char* what) {
    void* memory = nullptr;
    const cudaError_t error = cudaMallocAsync(&memory, bytes, stream.get());
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        std::size_t free = 0, total = 0;
        cudaMemGetInfo(&free, &total);
        int device = 0;
        cudaGetDevice(&device);
        throw OutOfDeviceMemory("device: " + name_of(device) + " has no room for " + what + ": " +
                                megabytes(bytes) + " are wanted, " + megabytes(free) + " of " +
                                megabytes(total) +
                                " are free; free some, take a larger device, or pass device=\"cpu\"");
    }
    check(error, "allocating memory of the device");
    return memory;
}

void release(const Stream& stream, void* memory) { cudaFreeAsync(memory, stream.get()); }

std::size_t free_memory() {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for the free memory");
    return free;
}

void keep_some_memory() {
    constexpr unsigned long long wanted = 512ull << 20;
    int device = 0;
    check(cudaGetDevice(&device), "looking up the current device");
    cudaMemPool_t pool = nullptr;
    check(cudaDeviceGetDefaultMemPool(&pool, device), "looking up the memory pool");
    unsigned long long kept = 0;
    check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept),
          "looking up the memory pool");
    if (kept >= wanted) return;
    kept = wanted;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept),
          "setting up the memory pool");
}

}  // namespace cuda
}  // namespace covlasso
