// Stands in for the CUDA runtime: two devices made of host memory, on which everything is done at once. They have little
// memory, give it out full of garbage, know whose an address is, and take nothing while another device is the current one,
// or none: then the runtime would open a context on the first device, whoever asked for another.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace {

constexpr int devices = 2;
constexpr std::size_t memory_of_a_device = std::size_t{16} << 20;

struct Block {
    std::size_t size;
    int device;
};

std::mutex mutex;
std::map<const char*, Block> blocks;
std::size_t used[devices];
thread_local int chosen = -1;
int contexts[devices] = {0, 1};  // the address of one stands for the context of its device
thread_local cudaError_t last = cudaSuccess;

cudaError_t answer(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "a device would not do this: %s\n", what);
    std::abort();
}

int current() {
    require(chosen >= 0, "a call without a context");
    return chosen;
}

/// The block that an address is in, or null.
const Block* block_of(const void* pointer) {
    const char* address = static_cast<const char*>(pointer);
    auto after = blocks.upper_bound(address);
    if (after == blocks.begin()) return nullptr;
    --after;
    return address < after->first + after->second.size ? &after->second : nullptr;
}

/// A stream is a pointer to the number of its device; the default stream is on any.
void require_stream(cudaStream_t stream) {
    require(stream == nullptr || *reinterpret_cast<int*>(stream) == current(), "a stream of another device");
}

void require_room(const void* pointer, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex);
    const char* last_byte = static_cast<const char*>(pointer) + (bytes > 0 ? bytes - 1 : 0);
    require(block_of(pointer) == block_of(last_byte), "a copy beyond an array");
}

// The driver, whose functions are looked up by their names.

CUresult get_current(CUcontext* context) {
    *context = chosen < 0 ? nullptr : reinterpret_cast<CUcontext>(contexts + chosen);
    return CUDA_SUCCESS;
}
CUresult set_current(CUcontext context) {
    chosen = context == nullptr ? -1 : *reinterpret_cast<int*>(context);
    return CUDA_SUCCESS;
}
CUresult get_device(CUdevice* device, int number) {
    require(number >= 0 && number < devices, "a device that is not there");
    return *device = number, CUDA_SUCCESS;
}
CUresult retain(CUcontext* context, CUdevice device) {
    return *context = reinterpret_cast<CUcontext>(contexts + device), CUDA_SUCCESS;
}
CUresult get_attributes(unsigned count, CUpointer_attribute*, void** answers, CUdeviceptr address) {
    const std::lock_guard<std::mutex> lock(mutex);
    const Block* block = block_of(reinterpret_cast<const void*>(address));
    require(count == 3, "other questions about an address");
    *static_cast<unsigned*>(answers[0]) = block ? CU_MEMORYTYPE_DEVICE : 0;
    *static_cast<unsigned*>(answers[1]) = 0;
    *static_cast<int*>(answers[2]) = block ? block->device : -2;
    return CUDA_SUCCESS;
}

/// At the end of the program.
struct NothingIsLeft {
    ~NothingIsLeft() { require(blocks.empty(), "arrays that are never released"); }
} nothing_is_left;

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) { return *count = devices, cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = current(), cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::strcpy(properties->name, "host memory");
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) { return *value = 1, cudaSuccess; }
cudaError_t cudaGetLastError() {
    const cudaError_t error = last;
    return last = cudaSuccess, error;
}
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorOfTheTest"; }
const char* cudaGetErrorString(cudaError_t) { return "an error of the test"; }

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    const std::lock_guard<std::mutex> lock(mutex);
    *total = memory_of_a_device;
    *free = memory_of_a_device - used[current()];
    return cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* wanted) {
    require(wanted->location.id == current(), "a pool of another device");
    return *pool = reinterpret_cast<cudaMemPool_t>(contexts + current()), cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }
cudaError_t cudaMallocFromPoolAsync(void** pointer, std::size_t size, cudaMemPool_t pool,
                                    cudaStream_t stream) {
    require(*reinterpret_cast<int*>(pool) == current(), "a pool of another device");
    require_stream(stream);
    require(size > 0, "an empty array");
    const std::lock_guard<std::mutex> lock(mutex);
    if (size > memory_of_a_device - used[current()]) return answer(cudaErrorMemoryAllocation);
    void* memory = std::malloc(size);
    std::memset(memory, 0xcd, size);
    blocks[static_cast<char*>(memory)] = {size, current()};
    used[current()] += size;
    return *pointer = memory, cudaSuccess;
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
    require_stream(stream);
    const std::lock_guard<std::mutex> lock(mutex);
    const auto block = blocks.find(static_cast<char*>(pointer));
    require(block != blocks.end(), "an array released twice");
    used[block->second.device] -= block->second.size;
    blocks.erase(block);
    std::free(pointer);
    return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
    current();
    const std::lock_guard<std::mutex> lock(mutex);
    const Block* block = block_of(pointer);
    attributes->type = block ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
    attributes->device = block ? block->device : -2;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t size, cudaMemcpyKind) {
    require_room(to, size);
    require_room(from, size);
    std::memcpy(to, from, size);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    require_stream(stream);
    return cudaMemcpy(to, from, size, kind);
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
    for (std::size_t row = 0; row < height; ++row)
        cudaMemcpyAsync(static_cast<char*>(to) + row * to_pitch,
                        static_cast<const char*>(from) + row * from_pitch, width, kind, stream);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t size, cudaStream_t stream) {
    require_stream(stream);
    require_room(to, size);
    std::memset(to, byte, size);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t size, unsigned) {
    return *pointer = std::malloc(size), cudaSuccess;
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
    return *device = host, cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) { return std::free(pointer), cudaSuccess; }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    return *stream = reinterpret_cast<cudaStream_t>(new int(current())), cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    require_stream(stream);
    return delete reinterpret_cast<int*>(stream), cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return require_stream(stream), cudaSuccess; }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t, unsigned) {
    return require_stream(stream), cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    return *event = reinterpret_cast<cudaEvent_t>(new int(current())), cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete reinterpret_cast<int*>(event), cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    require_stream(stream);
    require(*reinterpret_cast<int*>(event) == current(), "an event of another device");
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }

cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult*) {
    static const std::map<std::string, void*> functions = {
        {"cuCtxGetCurrent", reinterpret_cast<void*>(&get_current)},
        {"cuCtxSetCurrent", reinterpret_cast<void*>(&set_current)},
        {"cuDeviceGet", reinterpret_cast<void*>(&get_device)},
        {"cuDevicePrimaryCtxRetain", reinterpret_cast<void*>(&retain)},
        {"cuPointerGetAttributes", reinterpret_cast<void*>(&get_attributes)},
    };
    const auto found = functions.find(name);
    require(found != functions.end(), name);
    return *function = found->second, cudaSuccess;
}
cudaError_t cudaGetDriverEntryPoint(const char* name, void** function, unsigned long long,
                                    cudaDriverEntryPointQueryResult*) {
    return cudaGetDriverEntryPointByVersion(name, function, 0, 0, nullptr);
}
}
