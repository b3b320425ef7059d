// What follows the paths of all targets and reads from them: the processors, or a CUDA device.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "algorithm/records.hpp"

namespace covlasso {

/// The pieces of one path: piece m is what holds below its first m events, b = base - lambda slope on its sources.
struct Pieces {
    std::vector<Index> offset{0};  ///< sources of piece m: offset[m] .. offset[m + 1] - 1
    std::vector<Id> source;        ///< in the order of the active set
    std::vector<double> base, slope;
    std::vector<double>
        error;  ///< of piece m: error[4m] + error[4m + 1] x + error[4m + 2] x^2 with x = lambda / error[4m + 3]

    void append(const PieceView& piece) {
        source.insert(source.end(), piece.source, piece.source + piece.count);
        base.insert(base.end(), piece.base, piece.base + piece.count);
        slope.insert(slope.end(), piece.slope, piece.slope + piece.count);
        error.insert(error.end(), piece.error, piece.error + 4);
        offset.push_back(static_cast<Index>(source.size()));
    }

    double coefficient(std::size_t r, double lambda) const { return base[r] - lambda * slope[r]; }

    double error_at(std::size_t piece, double lambda) const {
        const double* factor = error.data() + 4 * piece;
        const double x = lambda / factor[3], value = factor[0] + x * (factor[1] + x * factor[2]);
        return value < 0.0 ? 0.0 : value;  // it is so by rounding only
    }
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

/// On the processors. What problem and options point to must outlive the engine.
std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options);

/// On options.devices. @throws DeviceUnavailable  this build has no CUDA code, or the machine no such device.
std::unique_ptr<Engine> make_cuda_engine(const Problem& problem, const Options& options);

}  // namespace covlasso
