// The exceptions that the library throws.
#pragma once

#include <stdexcept>
#include <string>

namespace covlasso {

/// Root of all exceptions of this library.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An argument is wrong. The message names the argument, the place and the remedy.
struct InvalidArgument : Error {
    using Error::Error;
};

/// The Gram is not positive semi-definite; the message names the categories that show it.
struct IndefiniteGram : InvalidArgument {
    using InvalidArgument::InvalidArgument;
};

/// What was asked for needs a device that this build or this machine has not; the message says which and the remedy.
struct DeviceUnavailable : Error {
    using Error::Error;
};

/// What was asked for does not fit in the memory of the device; the message gives the numbers.
struct OutOfDeviceMemory : Error {
    using Error::Error;
};

}  // namespace covlasso
