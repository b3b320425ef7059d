// The targets that one device solves, with its copy of the inputs.
#pragma once

#include <memory>
#include <mutex>

#include "engine.hpp"
#include "rounds.hpp"

namespace covlasso {
namespace cuda {

class Share {
public:
    /// The targets begin .. end - 1. The inputs lie on the device once `ready` is reached, or in host memory; they stay
    /// on the device for later readings.
    Share(const Problem& problem, const Options& options, int device, const Mark& ready, Index begin,
          Index end);
    ~Share();

    void follow(const Followed& followed, Control& control) const;
    void read(const Place& place, const Stored& stored, const Found& found, Control& control) const;
    Pieces pieces(Index t, const PathView& path) const;

private:
    Index slice(std::size_t bytes_per_target) const;
    Index terms_each() const;
    void follow_slice(Index begin, Index end, Index events_each, const Followed& followed,
                      Control& control) const;
    void read_slice(Index begin, Index end, const Place& place, const Stored& stored, const Found& found,
                    Control& control) const;
    const Stream& stream() const { return *stream_; }

    int device_;
    Index begin_, end_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Inputs> inputs_;
    std::unique_ptr<Shared<Signals>> signals_;  ///< page-locked memory takes long to get, so it stays
    mutable std::mutex one_at_a_time_;          ///< whose work would wait in the stream anyway
};

}  // namespace cuda
}  // namespace covlasso
