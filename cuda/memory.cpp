#include "memory.hpp"

#include <map>
#include <mutex>
#include <string>

#include "covlasso/error.hpp"

namespace covlasso {
namespace cuda {

static std::string megabytes(std::size_t bytes) { return std::to_string((bytes + 999999) / 1000000) + " MB"; }

/// The pool of this library on the current device, which is there until the process ends. It keeps some released memory for
/// the next call, as asking the system for it takes as long as a small problem. What other libraries see of the device's
/// default pool stays as they want it.
static cudaMemPool_t own_pool() {
    static std::mutex mutex;
    static std::map<int, cudaMemPool_t> pools;
    int device = 0;
    check(cudaGetDevice(&device), "looking up the current device");
    const std::lock_guard<std::mutex> lock(mutex);
    const auto known = pools.find(device);
    if (known != pools.end()) return known->second;
    cudaMemPoolProps wanted{};
    wanted.allocType = cudaMemAllocationTypePinned;
    wanted.location.type = cudaMemLocationTypeDevice;
    wanted.location.id = device;
    cudaMemPool_t pool = nullptr;
    check(cudaMemPoolCreate(&pool, &wanted), "making a memory pool");
    pools[device] = pool;
    unsigned long long kept = 512ull << 20;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept),
          "setting up the memory pool");
    return pool;
}

[[noreturn]] static void throw_out_of_memory(std::size_t bytes, const char* what) {
    ignore(cudaMemPoolTrimTo(own_pool(), 0));
    std::size_t free = 0, total = 0;
    ignore(cudaMemGetInfo(&free, &total));
    int device = 0;
    ignore(cudaGetDevice(&device));
    throw OutOfDeviceMemory("device: " + name_of(device) + " has no room for " + what + ": " +
                            megabytes(bytes) + " are wanted, " + megabytes(free) + " of " + megabytes(total) +
                            " are free; free some, take a larger device, or pass device=\"cpu\"");
}

void* allocate(const Stream& stream, std::size_t bytes, const char* what) {
    void* memory = nullptr;
    const cudaError_t error = cudaMallocFromPoolAsync(&memory, bytes, own_pool(), stream.get());
    if (error == cudaErrorMemoryAllocation) {
        ignore(error);
        throw_out_of_memory(bytes, what);
    }
    check(error, "allocating memory of the device");
    return memory;
}

void release(const Stream& stream, void* memory) { ignore(cudaFreeAsync(memory, stream.get())); }

void keep_nothing(const Stream& stream) {
    ignore(cudaStreamSynchronize(stream.get()));
    ignore(cudaMemPoolTrimTo(own_pool(), 0));
}

std::size_t free_memory() {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for the free memory");
    return free;
}

}  // namespace cuda
}  // namespace covlasso
