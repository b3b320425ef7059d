// Mirrors csrc/src/cpu/engine.cpp: instead of threads with a worker each, devices with a share of the targets each, and
// on every device blocks that take targets in rounds.
#include "engine.hpp"

#include <algorithm>

#include "cpu/parallel.hpp"
#include "share.hpp"

namespace covlasso {
namespace cuda {

namespace {

class CudaEngine final : public Engine {
public:
    CudaEngine(const Problem& problem, const Options& options)
        : targets_(problem.target_count),
          shares_(std::min(options.devices.size(), static_cast<std::size_t>(targets_))) {
        for (const int device : options.devices) require_device(device);
        const DeviceScope scope(options.devices[0]);
        const Mark ready(static_cast<cudaStream_t>(options.stream));
        const auto count = static_cast<Index>(shares_.size());
        std::atomic<bool> stop{false};
        for_each_item(static_cast<int>(count), count, nullptr, stop, [&](int, Index s) {
            const auto number = static_cast<std::size_t>(s);
            shares_[number] = std::make_unique<Share>(problem, options, options.devices[number], ready,
                                                      targets_ * s / count, targets_ * (s + 1) / count);
        });
    }

    void follow(const Followed& followed, const Progress& progress) const override {
        for_each_share(progress,
                       [&](const Share& share, Control& control) { share.follow(followed, control); });
    }

    void read(const Place& place, const Stored& stored, const Found& found,
              const Progress& progress) const override {
        for_each_share(progress, [&](const Share& share, Control& control) {
            share.read(place, stored, found, control);
        });
    }

    Pieces pieces(Index t, const PathView& path) const override { return shares_[0]->pieces(t, path); }

private:
    /// use(share, control) on a thread for each, until `progress` stops it.
    template <class Use>
    void for_each_share(const Progress& progress, Use use) const {
        Control control;
        Progress of_targets;
        if (progress) of_targets = [&](Index, Index) { return progress(control.done, targets_); };
        const auto count = static_cast<Index>(shares_.size());
        for_each_item(static_cast<int>(count), count, of_targets, control.stop,
                      [&](int, Index s) { use(*shares_[static_cast<std::size_t>(s)], control); });
    }

    Index targets_;
    std::vector<std::unique_ptr<Share>> shares_;
};

}  // namespace

}  // namespace cuda

std::unique_ptr<Engine> make_cuda_engine(const Problem& problem, const Options& options) {
    return std::make_unique<cuda::CudaEngine>(problem, options);
}

}  // namespace covlasso
