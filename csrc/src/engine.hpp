// What follows the paths of all targets and reads from them: the processors, or a CUDA device.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend.hpp"

namespace covlasso {

/// Where a solution is wanted on every path.
struct Place {
    enum Kind {
        at_lambda,
        at_terms,
        at_relative_error
    } kind;
    const double* lambda = nullptr;  ///< one per target, in host memory (at_lambda)
    Index terms = 0;                 ///< at_terms
    double relative_error = 0.0;     ///< at_relative_error
    bool refit = false;
};

/// The pieces of one path: piece m is what holds below its first m events, b = base - lambda slope on its sources.
struct Pieces {
    std::vector<Index> offset;  ///< sources of piece m: offset[m] .. offset[m + 1] - 1
    std::vector<Id> source;     ///< in the order of the active set
    std::vector<double> base, slope;
    std::vector<double>
        error;  ///< b'Gb - 2c'b + e = error[3m] + error[3m + 1] lambda + error[3m + 2] lambda^2
};

/// Called from any thread, for several targets at once; the arrays are valid during the call.
using Followed = std::function<void(Index t, const Outcome& outcome, const Event* event, Index count)>;
using Found = std::function<void(Index t, const Solution& solution)>;
/// The stored path of target t.
using Stored = std::function<PathView(Index t)>;

class Engine {
public:
    virtual ~Engine() = default;

    /// Follows the paths of all targets and tells of each when it is done. An exception of `followed` ends the work.
    virtual void follow(const Followed& followed, const Progress& progress) const = 0;

    /// Reads the solution at `place` off every stored path; where `progress` stops the work, some are not found.
    virtual void read(const Place& place, const Stored& stored, const Found& found,
                      const Progress& progress) const = 0;

    /// The pieces of the stored path of target t.
    virtual Pieces pieces(Index t, const PathView& path) const = 0;
};

/// On the processors. What problem and options refer to must outlive the engine.
std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options);

/// On options.devices. @throws DeviceUnavailable  this build has no CUDA code, or the machine no such device.
std::unique_ptr<Engine> make_cuda_engine(const Problem& problem, const Options& options);

}  // namespace covlasso
