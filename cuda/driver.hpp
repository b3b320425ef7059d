// What the runtime does only with a context, and opens one on device 0 for: half a gigabyte of a device that nobody may
// have asked for. The driver's functions are looked up where they are called, as there may be no driver.
#pragma once

#include <cuda.h>

namespace covlasso {
namespace cuda {

/// The context of this thread, or nullptr.
CUcontext current_context();

/// From now on this thread works in `context`; nullptr: in none.
void make_current(CUcontext context);

/// The context that the runtime uses on a device. It is opened where it is not open yet, and stays open.
CUcontext context_of(int device);

/// The device in whose memory `pointer` lies; -1: it is no memory of a device.
int owner_of(const void* pointer);

}  // namespace cuda
}  // namespace covlasso
