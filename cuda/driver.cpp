#include "driver.hpp"

#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <string>

#include "covlasso/error.hpp"
#include "device.hpp"

namespace covlasso {
namespace cuda {

namespace {

void look_up(const char* name, void** function) {
#if CUDART_VERSION >= 12050
    constexpr unsigned oldest = 11080;  // none of them has changed since
    check(cudaGetDriverEntryPointByVersion(name, function, oldest, cudaEnableDefault),
          "looking up the driver");
#else
    check(cudaGetDriverEntryPoint(name, function, cudaEnableDefault), "looking up the driver");
#endif
    if (*function == nullptr)
        throw Error(std::string("device: the driver lacks ") + name + "; install a newer one");
}

/// A function of the driver under its own name and type.
template <class F>
class DriverFunction {
public:
    explicit DriverFunction(const char* name) { look_up(name, reinterpret_cast<void**>(&function_)); }

    /// @throws Error  naming what was done, and the driver's word for what went wrong.
    template <class... Arguments>
    void operator()(const char* doing, Arguments... arguments) const {
        const CUresult result = function_(arguments...);
        if (result == CUDA_SUCCESS) return;
        throw Error(std::string("device: ") + doing + " failed: " + word_for(result));
    }

private:
    static std::string word_for(CUresult result) {
        void* function = nullptr;
        look_up("cuGetErrorName", &function);
        const char* name = nullptr;
        reinterpret_cast<decltype(&cuGetErrorName)>(function)(result, &name);
        return name != nullptr ? name : "error " + std::to_string(static_cast<int>(result));
    }

    F function_ = nullptr;
};

struct Driver {
    DriverFunction<decltype(&cuCtxGetCurrent)> get_current{"cuCtxGetCurrent"};
    DriverFunction<decltype(&cuCtxSetCurrent)> set_current{"cuCtxSetCurrent"};
    DriverFunction<decltype(&cuDeviceGet)> get_device{"cuDeviceGet"};
    DriverFunction<decltype(&cuDevicePrimaryCtxRetain)> retain{"cuDevicePrimaryCtxRetain"};
    DriverFunction<decltype(&cuPointerGetAttributes)> get_attributes{"cuPointerGetAttributes"};
};

const Driver& driver() {
    static const Driver found;
    return found;
}

}  // namespace

CUcontext current_context() {
    CUcontext context = nullptr;
    driver().get_current("looking up the current context", &context);
    return context;
}

void make_current(CUcontext context) { driver().set_current("making a context the current one", context); }

CUcontext context_of(int device) {
    static std::mutex mutex;
    static std::map<int, CUcontext> open;
    const std::lock_guard<std::mutex> lock(mutex);
    const auto known = open.find(device);
    if (known != open.end()) return known->second;
    CUdevice number = 0;
    CUcontext context = nullptr;
    driver().get_device("looking up a device", &number, device);
    driver().retain("opening a device", &context, number);
    return open[device] = context;
}

int owner_of(const void* pointer) {
    unsigned type = 0, is_managed = 0;
    int device = -1;
    CUpointer_attribute asked[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_IS_MANAGED,
                                   CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
    void* answers[] = {&type, &is_managed, &device};
    driver().get_attributes("looking up an address", 3u, asked, answers,
                            reinterpret_cast<CUdeviceptr>(pointer));
    return type == CU_MEMORYTYPE_DEVICE || is_managed != 0 ? device : -1;
}

}  // namespace cuda
}  // namespace covlasso
