// Rounds of blocks over targets: a target whose block had too little memory, or whose results found no room, comes again
// with more of it. A round takes no more targets after a second, as a device that drives a display ends what takes two,
// and others want to use it, too. What a target gives does not depend on the round.
#pragma once

#include <atomic>
#include <vector>

#include "kernels.hpp"

namespace covlasso {
namespace cuda {

/// What the threads of all devices and the calling thread tell each other.
struct Control {
    std::atomic<bool> stop{false};
    std::atomic<Index> done{0};  ///< targets, about
};

class Rounds {
public:
    /// Over the targets first .. last - 1, on the current device.
    /// No other rounds use `signals` meanwhile.
    Rounds(const Inputs& inputs, const Stream& stream, const Shape& shape, const Shared<Signals>& signals,
           Index first, Index last, Control& control);

    bool finished() const { return waiting_.empty() || control_.stop; }

    /// One round: calls launch(round), waits, and throws what is wrong with the moments.
    template <class Launch>
    void run(Launch launch) {
        const std::size_t size = shape_.blocks * shape_.far;
        const DeviceArray<char> far(stream_, size, "the workspace of the targets");
        const auto targets = uploaded(stream_, waiting_.data(), waiting_.size(), "the targets");
        tell_blocks({});
        taken_.fill(0);
        fates_.fill(static_cast<int>(Fate::waiting));
        launch(Round{inputs_.job(), inputs_.fault(), first_, targets.data(),
                     static_cast<Index>(waiting_.size()), taken_.data(), fates_.data(), signals_.device(),
                     far.data(), shape_});
        wait();
    }

    /// After a round: settled(t, fate) for its targets; those that are not done wait for the next round.
    template <class Settled>
    void settle(Settled settled) {
        const std::vector<Fate> fate = fates_.download(fates_.size());
        std::vector<Index> left;
        bool dry = false, crowded = false;
        for (const Index t : waiting_) {
            const Fate of_target = fate[static_cast<std::size_t>(t - first_)];
            settled(t, of_target);
            if (of_target != Fate::done) left.push_back(t);
            dry = dry || of_target == Fate::dry;
            crowded = crowded || of_target == Fate::crowded;
        }
        go_on_with(std::move(left), dry, crowded);
    }

private:
    void tell_blocks(const Signals& signals);
    void wait();
    void report(Index done);
    void go_on_with(std::vector<Index> left, bool dry, bool crowded);
    void share_memory();

    const Inputs& inputs_;
    const Stream& stream_;
    const int most_blocks_;
    const Index first_;
    Shape shape_;
    Control& control_;
    std::vector<Index> waiting_;
    DeviceArray<unsigned long long> taken_;
    DeviceArray<Fate> fates_;
    const Shared<Signals>& signals_;
    Index reported_ = 0;
};

}  // namespace cuda
}  // namespace covlasso
