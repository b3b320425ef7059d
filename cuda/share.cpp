#include "share.hpp"

#include <algorithm>

#include "covlasso/error.hpp"

namespace covlasso {
namespace cuda {

namespace {

/// use(), and where the memory of the device does not suffice for it, nothing of what was tried is kept from others.
template <class Use>
void within_memory(const Stream& stream, Use use) {
    try {
        use();
    } catch (const OutOfDeviceMemory&) {
        keep_nothing(stream);
        throw;
    }
}

/// Stored paths of the targets begin .. end - 1 in memory of the device.
class StoredArrays {
public:
    StoredArrays(const Stream& stream, Index begin, Index end, const Stored& stored)
        : event_(stream), offset_(stream), outcome_(stream) {
        for (Index t = begin; t < end; ++t) {
            const PathView path = stored(t);
            events_.insert(events_.end(), path.event, path.event + path.count);
            offsets_.push_back(static_cast<Index>(events_.size()));
            outcomes_.push_back(path.outcome);
        }
        event_ = uploaded(stream, events_.data(), events_.size(), "the paths");
        offset_ = uploaded(stream, offsets_.data(), offsets_.size(), "the paths");
        outcome_ = uploaded(stream, outcomes_.data(), outcomes_.size(), "the paths");
    }

    StoredPaths view() const { return {event_.data(), offset_.data(), outcome_.data()}; }

private:
    std::vector<Event> events_;  // kept, as the copies may go on after the call
    std::vector<Index> offsets_{0};
    std::vector<Outcome> outcomes_;
    DeviceArray<Event> event_;
    DeviceArray<Index> offset_;
    DeviceArray<Outcome> outcome_;
};

/// A pool of the device; its memory is there for one round.
template <class T>
class Results {
public:
    Results(const Stream& stream, Index size)
        : data_(stream, static_cast<std::size_t>(size), "the results"), used_(stream, 1, "a counter") {
        used_.fill(0);
    }

    Pool<T> pool() const { return {data_.data(), data_.size(), used_.data()}; }
    std::vector<T> download() const {
        return data_.download(std::min<std::size_t>(used_.download(1)[0], data_.size()));
    }

private:
    DeviceArray<T> data_;
    DeviceArray<unsigned long long> used_;
};

/// launch(round, rows, pool) until all targets are done, with deliver(t, row, results of t) for each.
template <class Row, class T, class Launch, class Deliver>
void solve(Rounds& rounds, const Stream& stream, Index begin, Index end, Index each, Span Row::* span,
           Launch launch, Deliver deliver) {
    const DeviceArray<Row> row_memory(stream, static_cast<std::size_t>(end - begin), "the results");
    row_memory.fill(0);  // the host copies those of targets that are not done, too
    for (Index room = (end - begin) * each; !rounds.finished();) {
        const Results<T> memory(stream, room);
        rounds.run([&](const Round& round) { launch(round, row_memory.data(), memory.pool()); });
        const std::vector<Row> rows = row_memory.download(row_memory.size());
        const std::vector<T> results = memory.download();
        room = 0;
        rounds.settle([&](Index t, Fate fate) {
            const Row& row = rows[static_cast<std::size_t>(t - begin)];
            if (fate == Fate::done)
                deliver(t, row, results.data() + (row.*span).begin);
            else
                room += fate == Fate::crowded ? (row.*span).count : each;
        });
    }
}

}  // namespace

Share::Share(const Problem& problem, const Options& options, int device, const Mark& ready, Index begin,
             Index end)
    : device_(device), begin_(begin), end_(end) {
    const DeviceScope scope(device);
    auto stream = std::make_unique<Stream>();  // which ends within the scope, if the inputs are refused
    auto signals = std::make_unique<Shared<Signals>>();
    stream->wait_for(ready);
    within_memory(*stream, [&] { inputs_ = std::make_unique<Inputs>(problem, options, *stream); });
    stream_ = std::move(stream);
    signals_ = std::move(signals);
}

Share::~Share() {
    const DeviceScope scope(device_, std::nothrow);
    inputs_.reset();
    signals_.reset();
    stream_.reset();
}

/// Room that suffices for the terms of most solutions.
Index Share::terms_each() const {
    return std::min(inputs_->job().rules.max_terms, inputs_->job().gram.rows()) + 1;
}

/// How many targets at a time leave room for other things, if each takes so much.
Index Share::slice(std::size_t bytes_per_target) const {
    return std::max<Index>(1, static_cast<Index>(free_memory() / 8 / bytes_per_target));
}

void Share::follow(const Followed& followed, Control& control) const {
    const std::lock_guard<std::mutex> lock(one_at_a_time_);
    const DeviceScope scope(device_);
    const Index each = 3 * terms_each() + 8;
    const Index step = slice(static_cast<std::size_t>(each) * sizeof(Event));
    within_memory(stream(), [&] {
        for (Index begin = begin_; begin < end_ && !control.stop; begin += step)
            follow_slice(begin, std::min(begin + step, end_), each, followed, control);
    });
}

void Share::follow_slice(Index begin, Index end, Index events_each, const Followed& followed,
                         Control& control) const {
    Rounds rounds(*inputs_, stream(), follow_shape(), *signals_, begin, end, control);
    solve<FollowedRow, Event>(
        rounds, stream(), begin, end, events_each, &FollowedRow::events,
        [&](const Round& round, FollowedRow* rows, const Pool<Event>& pool) {
            launch_follow(round, rows, pool, stream().get());
        },
        [&](Index t, const FollowedRow& row, const Event* event) {
            followed(t, row.outcome(), event, row.events.count);
        });
}

void Share::read(const Place& place, const Stored& stored, const Found& found, Control& control) const {
    const std::lock_guard<std::mutex> lock(one_at_a_time_);
    const DeviceScope scope(device_);
    const auto lambda = uploaded(stream(), place.lambda, place.lambda ? static_cast<std::size_t>(end_) : 0,
                                 "the places on the paths");
    Place here = place;
    here.lambda = lambda.data();
    const Index step = slice(static_cast<std::size_t>(terms_each()) * sizeof(Term));
    within_memory(stream(), [&] {
        for (Index begin = begin_; begin < end_ && !control.stop; begin += step)
            read_slice(begin, std::min(begin + step, end_), here, stored, found, control);
    });
}

void Share::read_slice(Index begin, Index end, const Place& place, const Stored& stored, const Found& found,
                       Control& control) const {
    const StoredArrays paths(stream(), begin, end, stored);
    Rounds rounds(*inputs_, stream(), read_shape(), *signals_, begin, end, control);
    std::vector<Id> index;
    std::vector<double> value;
    solve<FoundRow, Term>(
        rounds, stream(), begin, end, terms_each(), &FoundRow::terms,
        [&](const Round& round, FoundRow* rows, const Pool<Term>& pool) {
            launch_read(round, place, paths.view(), rows, pool, stream().get());
        },
        [&](Index t, const FoundRow& row, const Term* term) {
            index.clear();
            value.clear();
            for (const Term* end_of_row = term + row.terms.count; term != end_of_row; ++term) {
                index.push_back(static_cast<Id>(term->source));
                value.push_back(term->value);
            }
            found(t, {index.data(), value.data(), row.terms.count, row.lambda, row.error, row.kkt,
                      static_cast<Status>(row.status)});
        });
}

Pieces Share::pieces(Index t, const PathView& path) const {
    const std::lock_guard<std::mutex> lock(one_at_a_time_);
    const DeviceScope scope(device_);
    const auto count = static_cast<std::size_t>(path.count) + 1;
    std::size_t most = 0, active = 0;  // a piece has no more sources than its events say
    for (Index e = 0; e < path.count; ++e) most += path.event[e].sign != 0 ? ++active : --active;

    const StoredArrays paths(stream(), t, t + 1, [&](Index) { return path; });
    const DeviceArray<Id> source(stream(), most, "the pieces");
    const DeviceArray<double> base(stream(), most, "the pieces"), slope(stream(), most, "the pieces"),
        error(stream(), 4 * count, "the pieces");
    const DeviceArray<Index> sizes(stream(), count, "the pieces");
    const PieceArrays arrays{source.data(), base.data(), slope.data(), error.data(), sizes.data()};
    Control control;
    Rounds rounds(*inputs_, stream(), read_shape(), *signals_, t, t + 1, control);
    while (!rounds.finished()) {
        rounds.run([&](const Round& round) { launch_pieces(round, paths.view(), arrays, stream().get()); });
        rounds.settle([](Index, Fate) {});
    }
    Pieces pieces;
    for (const Index size : sizes.download(count)) pieces.offset.push_back(pieces.offset.back() + size);
    const auto total = static_cast<std::size_t>(pieces.offset.back());
    pieces.source = source.download(total);
    pieces.base = base.download(total);
    pieces.slope = slope.download(total);
    pieces.error = error.download(4 * count);
    return pieces;
}

}  // namespace cuda
}  // namespace covlasso
