// The CUDA runtime, as far as the project calls it: devices are memory of the host, and a stream is a thread that takes
// one task after the other. Errors are those that CUDA would give for the same call; what CUDA leaves undefined is fatal.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>

#include "block.hpp"
#include "settings.hpp"
#include "sites.hpp"

namespace {

using namespace emulator;
using Hold = std::lock_guard<FairMutex>;

thread_local int chosen_device = -1;  // of the context that is current; none: -1
thread_local cudaError_t last_error = cudaSuccess;
std::map<std::string, int> most_dynamic_shared;

cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

/// The runtime would open a context on the first device here, which nobody may have asked for.
int current_device() {
    if (chosen_device < 0) fail("a call without a context");
    return chosen_device;
}

std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

/// By the address of the host's stub.
std::map<const void*, std::string>& kernel_names() {
    static auto* all =
        new std::map<const void*, std::string>;  // made by the first file that registers, there to the end
    return *all;
}

const Kernel& kernel_of(const void* stub) { return kernels().at(kernel_names().at(stub)); }

// ---- streams and events ----

class Stream {
public:
    explicit Stream(int device) : device_(device), thread_([this] { work(); }) {}
    ~Stream() {
        push([this] { ended_ = true; });
        thread_.join();
    }

    int device() const { return device_; }

    void push(std::function<void()> task) {
        const std::lock_guard<std::mutex> lock(mutex_);
        tasks_.push_back(std::move(task));
        changed_.notify_all();
    }
    void synchronize() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return tasks_.empty(); });
    }

private:
    void work() {
        while (!ended_) {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [this] { return !tasks_.empty(); });
            const auto task = tasks_.front();
            lock.unlock();
            task();
            lock.lock();
            tasks_.pop_front();  // only now: an empty queue says that all is done
            changed_.notify_all();
        }
    }

    const int device_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool ended_ = false;
    std::thread thread_;
};

/// An event, and whether the work before its last record is done; a stream that waits keeps that record.
struct Event {
    int device;
    std::shared_ptr<std::atomic<bool>> reached = std::make_shared<std::atomic<bool>>(true);
};

Stream& default_stream(int device) {
    static std::map<int, Stream*> all;  // never ended: they may be used until the program ends
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    Stream*& stream = all[device];
    if (stream == nullptr) stream = new Stream(device);
    return *stream;
}

Stream& stream_of(cudaStream_t handle) {
    if (handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread)
        return default_stream(current_device());
    auto& stream = *reinterpret_cast<Stream*>(handle);
    if (stream.device() != current_device()) fail("a stream is used while another device is current");
    return stream;
}

Event& event_of(cudaEvent_t handle) { return *reinterpret_cast<Event*>(handle); }

// ---- memory ----

bool is_on_device(const void* memory) {
    const Hold hold(world);
    const Allocation* found = allocation_of(number(memory));
    return found != nullptr && found->place == Place::device;
}

/// The host gets only what has been written.
void check_known(Allocation& from, const void* begin, std::size_t bytes) {
    if (!settings.uninitialised || from.place != Place::device) return;
    std::size_t cells = 0, unknown = 0;
    from.for_cells(number(begin), bytes, [&](const Cell& cell) { ++cells, unknown += !cell.known; });
    if (unknown == 0) return;
    const std::size_t common = std::gcd(unknown, cells);  // so that arrays of one type give one finding
    find("copy to the host of memory never written: " + std::to_string(unknown / common) + " in " +
         std::to_string(cells / common));
}

void copy_now(void* to, const void* from, std::size_t bytes) {
    const Hold hold(world);
    Allocation *target = allocation_of(number(to)), *source = allocation_of(number(from));
    if (target != nullptr && !target->holds(number(to), bytes)) fail("a copy goes beyond an allocation");
    if (source != nullptr && !source->holds(number(from), bytes)) fail("a copy reads beyond an allocation");
    if (source != nullptr && target == nullptr) check_known(*source, from, bytes);
    std::memcpy(to, from, bytes);
    if (target != nullptr) target->set_known(number(to), bytes, true);
}

void fill_now(void* to, int byte, std::size_t bytes) {
    const Hold hold(world);
    Allocation* target = allocation_of(number(to));
    if (target == nullptr || !target->holds(number(to), bytes)) fail("a fill goes beyond an allocation");
    std::memset(to, byte, bytes);
    target->set_known(number(to), bytes, true);
}

/// The host's memory is read before the call returns, as CUDA does with what is not page-locked, or with
/// EMU_LAZY_COPIES as late as the stream allows.
cudaError_t copy_later(void* to, const void* from, std::size_t bytes, Stream& stream) {
    if (settings.lazy_copies || is_on_device(from)) {
        stream.push([=] { copy_now(to, from, bytes); });
        return cudaSuccess;
    }
    const auto* begin = static_cast<const char*>(from);
    const auto staged = std::make_shared<std::vector<char>>(begin, begin + bytes);
    stream.push([=] { copy_now(to, staged->data(), bytes); });
    return cudaSuccess;
}

cudaError_t allocate_on_device(void** memory, std::size_t bytes) {
    const Hold hold(world);
    if (bytes > settings.memory - bytes_used(current_device())) return result(cudaErrorMemoryAllocation);
    *memory = allocate(bytes, Place::device, current_device());
    return result(*memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

// ---- launches ----

struct Configuration {
    dim3 grid, lanes;
    std::size_t shared;
    cudaStream_t stream;
};
thread_local Configuration pushed;

bool is_sound(const dim3& grid) {
    return grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.y <= 65535 && grid.z <= 65535;
}

Extent extent(const dim3& d) { return {d.x, d.y, d.z}; }

cudaError_t launch(const void* stub, dim3 grid, dim3 lanes, void** arguments, std::size_t shared,
                   cudaStream_t stream) {
    constexpr int without_asking = 48 * 1024;
    const Kernel& kernel = kernel_of(stub);
    const std::uint64_t block = extent(lanes).size();
    if (!is_sound(grid) || block == 0 || block > 1024) return result(cudaErrorInvalidConfiguration);
    if (static_cast<int>(shared) > std::max(without_asking, most_dynamic_shared[kernel.name]))
        return result(cudaErrorInvalidValue);
    Launch launch{&kernel, {}, extent(grid), extent(lanes), shared};
    for (std::size_t i = 0; i < kernel.parameters.size(); ++i) {
        const auto* begin = static_cast<const std::uint8_t*>(arguments[i]);
        launch.parameters.emplace_back(begin, begin + kernel.parameters[i]);
    }
    stream_of(stream).push([launch] { run(launch); });
    return cudaSuccess;
}

// ---- the driver, whose functions are looked up by name ----

/// The address of one stands for the context of its device.
int contexts[64];

CUresult get_current_context(CUcontext* context) {
    *context = chosen_device < 0 ? nullptr : reinterpret_cast<CUcontext>(contexts + chosen_device);
    return CUDA_SUCCESS;
}
CUresult set_current_context(CUcontext context) {
    chosen_device = context == nullptr ? -1 : static_cast<int>(reinterpret_cast<int*>(context) - contexts);
    return CUDA_SUCCESS;
}
CUresult get_device(CUdevice* device, int number) {
    if (number < 0 || number >= settings.devices) return CUDA_ERROR_INVALID_DEVICE;
    *device = number;
    return CUDA_SUCCESS;
}
CUresult retain_context(CUcontext* context, CUdevice device) {
    *context = reinterpret_cast<CUcontext>(contexts + device);
    return CUDA_SUCCESS;
}

CUresult get_attributes(unsigned count, CUpointer_attribute*, void** answers, CUdeviceptr address) {
    if (count != 3) fail("other questions about an address than the project asks");
    const Hold hold(world);
    const Allocation* found = allocation_of(address);
    const bool on_device = found != nullptr && found->place == Place::device;
    *static_cast<unsigned*>(answers[0]) = on_device ? CU_MEMORYTYPE_DEVICE : 0;
    *static_cast<unsigned*>(answers[1]) = 0;
    *static_cast<int*>(answers[2]) = on_device ? found->device : -2;
    return CUDA_SUCCESS;
}

const std::map<std::string, void*> driver_functions = {
    {"cuCtxGetCurrent", reinterpret_cast<void*>(&get_current_context)},
    {"cuCtxSetCurrent", reinterpret_cast<void*>(&set_current_context)},
    {"cuDeviceGet", reinterpret_cast<void*>(&get_device)},
    {"cuDevicePrimaryCtxRetain", reinterpret_cast<void*>(&retain_context)},
    {"cuPointerGetAttributes", reinterpret_cast<void*>(&get_attributes)},
};

/// At the end of the program.
struct ArraysLeft {
    ~ArraysLeft() {
        if (arrays_left() > 0) find(std::to_string(arrays_left()) + " arrays of the device were not freed");
    }
} at_end;

}  // namespace

extern "C" {

// ---- what nvcc's own code calls ----

void** __cudaRegisterFatBinary(void*) {
    static void* handle = nullptr;
    return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char* stub, char*, const char* name, int, uint3*, uint3*, dim3*,
                            dim3*, int*) {
    kernel_names()[stub] = name;
}
void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 lanes, std::size_t shared, cudaStream_t stream) {
    pushed = {grid, lanes, shared, stream};
    return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* lanes, std::size_t* shared, void* stream) {
    *grid = pushed.grid, *lanes = pushed.lanes, *shared = pushed.shared;
    *static_cast<cudaStream_t*>(stream) = pushed.stream;
    return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* stub, dim3 grid, dim3 lanes, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
    return launch(stub, grid, lanes, arguments, shared, stream);
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 lanes, void** arguments,
                               std::size_t shared, cudaStream_t stream) {
    return launch(kernel, grid, lanes, arguments, shared, stream);
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* stub) {
    *kernel = static_cast<cudaKernel_t>(const_cast<void*>(stub));
    return cudaSuccess;
}

// ---- kernels ----

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* stub) {
    *attributes = {};
    attributes->sharedSizeBytes = kernel_of(stub).shared_bytes;
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* stub, cudaFuncAttribute attribute, int value) {
    if (value < 0) return result(cudaErrorInvalidValue);
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize)
        most_dynamic_shared[kernel_of(stub).name] = value;
    return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int, std::size_t,
                                                                   unsigned) {
    *blocks = settings.blocks_beside;
    return cudaSuccess;
}

// ---- devices ----

cudaError_t cudaGetDeviceCount(int* count) {
    *count = settings.devices;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
    *device = current_device();
    return cudaSuccess;
}
cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult*) {
    *function = driver_functions.at(name);
    return cudaSuccess;
}
cudaError_t cudaGetDriverEntryPoint(const char* name, void** function, unsigned long long,
                                    cudaDriverEntryPointQueryResult*) {
    return cudaGetDriverEntryPointByVersion(name, function, 0, 0, nullptr);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    *properties = {};
    std::strcpy(properties->name, "PTX emulator");
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    constexpr int shared_of_turing = 65536;  // up to there no shared memory is reserved
    switch (attribute) {
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
            *value = settings.shared_bytes;
            break;
        case cudaDevAttrReservedSharedMemoryPerBlock:
            *value = settings.shared_bytes > shared_of_turing ? 1024 : 0;
            break;
        case cudaDevAttrMultiProcessorCount:
            *value = settings.multiprocessors;
            break;
        case cudaDevAttrComputeCapabilityMajor:
            *value = 9;
            break;
        default:
            *value = 1;
    }
    return cudaSuccess;
}
cudaError_t cudaGetLastError() {
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorEmulated"; }
const char* cudaGetErrorString(cudaError_t) { return "emulated"; }

// ---- memory ----

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    const Hold hold(world);
    *total = settings.memory, *free = settings.memory - bytes_used(current_device());
    return cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
    *pool = nullptr;
    return cudaSuccess;
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t) { return cudaSuccess; }
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }
cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
    stream_of(stream);
    return allocate_on_device(memory, bytes);
}
cudaError_t cudaMallocFromPoolAsync(void** memory, std::size_t bytes, cudaMemPool_t, cudaStream_t stream) {
    return cudaMallocAsync(memory, bytes, stream);
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) { return allocate_on_device(memory, bytes); }
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
    stream_of(stream).push([memory] {
        const Hold hold(world);
        release(memory);
    });
    return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
    default_stream(current_device()).synchronize();
    const Hold hold(world);
    if (memory != nullptr) release(memory);
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
    const Hold hold(world);
    *memory = allocate(bytes, Place::host, -1);
    return cudaSuccess;
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
    *device = host;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
    const Hold hold(world);
    release(memory);
    return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* memory) {
    const Hold hold(world);
    const Allocation* found = allocation_of(number(memory));
    *attributes = {};
    attributes->type = found == nullptr                ? cudaMemoryTypeUnregistered
                       : found->place == Place::device ? cudaMemoryTypeDevice
                                                       : cudaMemoryTypeHost;
    attributes->device = found != nullptr ? found->device : -2;
    return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
    default_stream(current_device()).synchronize();
    copy_now(to, from, bytes);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
    return copy_later(to, from, bytes, stream_of(stream));
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
    for (std::size_t row = 0; row < height; ++row)
        copy_later(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch,
                   width, stream_of(stream));
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t bytes, cudaStream_t stream) {
    stream_of(stream).push([=] { fill_now(to, byte, bytes); });
    return cudaSuccess;
}

// ---- streams and events ----

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = reinterpret_cast<cudaStream_t>(new Stream(current_device()));
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete &stream_of(stream);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    stream_of(stream).synchronize();
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    stream_of(stream).push([reached = event_of(event).reached] {
        while (!*reached) std::this_thread::sleep_for(std::chrono::microseconds(50));
    });
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = reinterpret_cast<cudaEvent_t>(new Event{current_device()});
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete &event_of(event);
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (event_of(event).device != current_device())
        fail("an event is recorded while another device is current");
    auto reached = event_of(event).reached = std::make_shared<std::atomic<bool>>(false);
    stream_of(stream).push([reached] { *reached = true; });
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    return *event_of(event).reached ? cudaSuccess : result(cudaErrorNotReady);
}
}
