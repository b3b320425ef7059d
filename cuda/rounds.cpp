#include "rounds.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

#include "covlasso/error.hpp"
#include "team/arena.hpp"

namespace covlasso {
namespace cuda {

/// More than what targets have been seen to need for p sources and k terms, in bytes: 44 p for vectors over the sources; G_AA
/// and its inverse; and the rows of the candidates, of which there are the more for every term the more sources there are.
/// Seen in real data beside shared memory, and what this gives: 68 KB of 138 (p = 1000, k = 10), 259 of 495 (1000, 50),
/// 359 of 554 (6625, 10), 951 of 1136 (6625, 50).
static std::size_t expected_workspace(Index p, Index k) {
    const auto bytes = static_cast<std::size_t>(16384 + 64 * p + k * (4096 + 64 * k + p));
    return bytes / Arena::alignment *
           Arena::alignment;  // the stretches of the blocks lie one behind the other
}

Rounds::Rounds(const Inputs& inputs, const Stream& stream, const Shape& shape, const Shared<Signals>& signals,
               Index first, Index last, Control& control)
    : inputs_(inputs),
      stream_(stream),
      most_blocks_(shape.blocks),
      first_(first),
      shape_(shape),
      control_(control),
      waiting_(static_cast<std::size_t>(last - first)),
      taken_(stream, 2, "counters"),
      fates_(stream, static_cast<std::size_t>(last - first), "the state of the targets"),
      signals_(signals) {
    std::iota(waiting_.begin(), waiting_.end(), first);
    const Index p = inputs.job().gram.rows();
    shape_.far = expected_workspace(p, std::min(inputs.job().rules.max_terms, p));
    share_memory();
}

/// As many blocks as the memory allows, and no more than there are targets.
void Rounds::share_memory() {
    const std::size_t room = free_memory() / 2 / shape_.far;
    const auto blocks = std::min({room, waiting_.size(), static_cast<std::size_t>(most_blocks_)});
    shape_.blocks = static_cast<int>(std::max<std::size_t>(blocks, 1));
}

void Rounds::tell_blocks(const Signals& signals) {
    signals_.host()->stop = signals.stop;
    signals_.host()->pause = signals.pause;
    signals_.host()->done = signals.done;
}

/// Returns when the round has ended: late by a sixteenth of its time, as it looks that often.
void Rounds::wait() {
    using Clock = std::chrono::steady_clock;
    constexpr Clock::duration longest = std::chrono::milliseconds(1), enough = std::chrono::seconds(1);
    const Mark end(stream_.get());
    for (const auto start = Clock::now(); !end.reached();) {
        const Clock::duration passed = Clock::now() - start;
        if (control_.stop) signals_.host()->stop = 1;
        if (passed > enough) signals_.host()->pause = 1;
        report(signals_.host()->done);
        std::this_thread::sleep_for(std::min(passed / 16, longest));
    }
    inputs_.check_moments();
}

void Rounds::report(Index done) {
    if (done <= reported_) return;
    control_.done += done - reported_;
    reported_ = done;
}

void Rounds::go_on_with(std::vector<Index> left, bool dry, bool crowded) {
    const auto done = static_cast<Index>(waiting_.size() - left.size());
    control_.done += done - reported_;
    reported_ = 0;
    waiting_ = std::move(left);
    if (finished()) return;
    if (done == 0 && !dry && !crowded) throw Error("device: a round ended and none of its targets is done");
    if (dry) shape_.far *= 4;
    share_memory();
}

}  // namespace cuda
}  // namespace covlasso
