#include "device.hpp"

#include "covlasso/cuda.hpp"
#include "covlasso/error.hpp"
#include "kernels.hpp"

namespace covlasso {

bool cuda_built() { return true; }

int cuda_device_count() noexcept {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
    cudaGetLastError();  // no driver, or no device: that is an answer
    return 0;
}

std::string cuda_unavailable_reason() {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    cuda::ignore(error);
    if (error != cudaSuccess || count == 0) return cuda::why_none_is_seen(error);
    std::string obstacle = cuda::obstacle_of(0);
    for (int device = 1; device < count && !obstacle.empty(); ++device) obstacle = cuda::obstacle_of(device);
    return obstacle;
}

int cuda_device_of(const void* pointer) {
    cuda::require_device(0);
    const int owner = cuda::owner_of(pointer);
    if (owner < 0) throw InvalidArgument("pointer: an address that is no memory of a CUDA device");
    return owner;
}

namespace {

template <class T>
void copy_rows(const MatrixView<T>& from, int device, void* stream, T* to) {
    cuda::require_device(device);
    const cuda::DeviceScope scope(device);
    const auto width = static_cast<std::size_t>(from.cols) * sizeof(T);
    const auto caller = static_cast<cudaStream_t>(stream);
    cuda::check(cudaMemcpy2DAsync(to, width, from.data, static_cast<std::size_t>(from.stride) * sizeof(T),
                                  width, static_cast<std::size_t>(from.rows), cudaMemcpyDeviceToHost, caller),
                "copying a matrix to the host");
    cuda::check(cudaStreamSynchronize(caller), "copying a matrix to the host");
}

}  // namespace

void copy_from_device(const MatrixView<float>& from, int device, void* stream, float* to) {
    copy_rows(from, device, stream, to);
}

void copy_from_device(const MatrixView<double>& from, int device, void* stream, double* to) {
    copy_rows(from, device, stream, to);
}

namespace cuda {

std::string word_for(cudaError_t error) {
    return std::string(cudaGetErrorString(error)) + " (" + cudaGetErrorName(error) + ")";
}

void check(cudaError_t error, const char* doing) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // what is not sticky is forgotten
    throw Error(std::string("device: ") + doing + " failed: " + word_for(error));
}

void ignore(cudaError_t error) noexcept {
    if (error != cudaSuccess) cudaGetLastError();
}

std::string name_of(int device) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "looking up a device");
    return "cuda:" + std::to_string(device) + " (" + properties.name + ")";
}

int attribute(int device, cudaDeviceAttr attribute) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, attribute, device), "looking up a device");
    return value;
}

/// "7.5"; of a number in tenths.
static std::string version(int tenths) {
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string why_none_is_seen(cudaError_t error) {
    if (error == cudaSuccess || error == cudaErrorNoDevice)
        return "no CUDA device is found; see that nvidia-smi lists one that CUDA_VISIBLE_DEVICES does not "
               "hide";
    if (error == cudaErrorInsufficientDriver)
        return "no CUDA device is found, as NVIDIA's driver is missing or too old for CUDA " +
               version(CUDART_VERSION / 1000 * 10 + CUDART_VERSION % 1000 / 10) +
               ", with which this was built; install a newer one";
    return "CUDA does not answer: " + word_for(error) +
           "; if something failed on a device before, it works again in a new process only";
}

std::string obstacle_of(int device) {
    const int capability = 10 * attribute(device, cudaDevAttrComputeCapabilityMajor) +
                           attribute(device, cudaDevAttrComputeCapabilityMinor);
    if (capability < least_capability())
        return name_of(device) + " has compute capability " + version(capability) +
               ", and this build has code from " + version(least_capability()) +
               " on; build it on this machine, if that is 7.5 or more";
    if (attribute(device, cudaDevAttrMemoryPoolsSupported) == 0)
        return name_of(device) + " has no memory pools; take a newer driver, or a device of its own";
    return "";
}

void require_device(int device) {
    std::string obstacle = cuda_unavailable_reason();
    if (!obstacle.empty()) throw DeviceUnavailable("device: " + obstacle + ", or pass device=\"cpu\"");
    const int count = cuda_device_count();
    if (device < 0 || device >= count)
        throw DeviceUnavailable("device: cuda:" + std::to_string(device) + " is not among the " +
                                std::to_string(count) + " of this machine, which are numbered from 0");
    obstacle = obstacle_of(device);
    if (!obstacle.empty()) throw DeviceUnavailable("device: " + obstacle + ", or pass device=\"cpu\"");
}

DeviceScope::DeviceScope(int device) { enter(device); }

DeviceScope::DeviceScope(int device, std::nothrow_t) noexcept {
    try {
        enter(device);
    } catch (const std::exception&) {  // such as at the end of the process, when the driver has gone
    }
}

void DeviceScope::enter(int device) {
    before_ = current_context();
    make_current(context_of(device));
    entered_ = true;
    cudaGetLastError();  // what others left behind is not blamed on what is done here
}

DeviceScope::~DeviceScope() {
    if (!entered_) return;
    try {
        make_current(before_);
    } catch (const std::exception&) {
    }
}

Stream::Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream"); }

Stream::~Stream() { ignore(cudaStreamDestroy(stream_)); }

void Stream::wait_for(const Mark& mark) const {
    check(cudaStreamWaitEvent(stream_, mark.get(), 0), "waiting for the inputs");
}

void Stream::synchronize() const { check(cudaStreamSynchronize(stream_), "solving"); }

Mark::Mark(cudaStream_t stream) {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
    const cudaError_t error = cudaEventRecord(event_, stream);
    if (error == cudaSuccess) return;
    ignore(cudaEventDestroy(event_));
    check(error, "recording an event");
}

Mark::~Mark() { ignore(cudaEventDestroy(event_)); }

bool Mark::reached() const {
    const cudaError_t error = cudaEventQuery(event_);
    if (error == cudaErrorNotReady) {
        cudaGetLastError();
        return false;
    }
    check(error, "solving");
    return true;
}

}  // namespace cuda
}  // namespace covlasso
