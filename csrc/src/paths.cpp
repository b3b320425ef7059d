// All targets at once: the paths, their storage, and the solutions read off them.
#include "covlasso/path.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "covlasso/error.hpp"
#include "workers.hpp"

namespace covlasso {

namespace {

[[noreturn]] void throw_indefinite(const Problem& problem, Id target, const Outcome& outcome,
                                   const Event* event, Index count) {
    std::string active;
    constexpr Index most = 8;
    for (Index e = 0; e < count && e < most; ++e) active += (e ? ", " : "") + std::to_string(event[e].source);
    if (count > most) active += ", ...";
    if (outcome.culprit == Outcome::the_target)
        throw IndefiniteGram(
            (problem.intra() ? "gram" : "gram, cross and energy") +
            std::string(": not positive semi-definite: the error of target ") + std::to_string(target) +
            " given categories " + active +
            " is negative; pass second moments of the same real logits, computed in float64");
    throw IndefiniteGram("gram: not positive semi-definite: category " + std::to_string(outcome.culprit) +
                         " given categories " + active +
                         " has a negative Schur complement (on the path of target " + std::to_string(target) +
                         "); pass second moments X'X / N of real logits, computed in float64");
}

/// Appends the events of all targets in their order, whatever the order in which the targets are done: only those done
/// out of turn are held apart, so that the peak of memory is that of the result.
class EventLog {
public:
    EventLog(Index count, Index expected, std::vector<Event>& events, std::vector<Index>& offset)
        : count_(count), events_(events), offset_(offset) {
        events_.reserve(static_cast<std::size_t>(expected));
        offset_.assign(1, 0);
    }

    void add(Index t, const Event* event, Index count) {
        const std::lock_guard<std::mutex> lock(mutex_);
        waiting_.emplace(t, std::vector<Event>(event, event + count));
        while (!waiting_.empty() && waiting_.begin()->first == turn()) append_first();
    }

    /// Targets that were left out have no events.
    void finish() {
        while (turn() < count_) {
            if (!waiting_.empty() && waiting_.begin()->first == turn())
                append_first();
            else
                offset_.push_back(offset_.back());
        }
    }

private:
    Index turn() const { return static_cast<Index>(offset_.size()) - 1; }

    void append_first() {
        const std::vector<Event>& first = waiting_.begin()->second;
        events_.insert(events_.end(), first.begin(), first.end());
        offset_.push_back(static_cast<Index>(events_.size()));
        waiting_.erase(waiting_.begin());
    }

    Index count_;
    std::vector<Event>& events_;
    std::vector<Index>& offset_;
    std::mutex mutex_;
    std::map<Index, std::vector<Event>> waiting_;
};

/// Enough room for most paths without a second allocation; memory that stays untouched costs nothing.
Index expected_events(const Problem& problem, const Options& options) {
    constexpr Index most = Index{1} << 22, per_term = 3;
    const Index terms = std::min(options.max_terms, problem.sources());
    return std::min(most, problem.target_count * (per_term * terms + 8));
}

/// Solutions of single targets, put together in order at the end.
class Collector {
public:
    explicit Collector(Index size) : rows_(static_cast<std::size_t>(size)) {}

    void set(Index t, const Solution& s) {
        Row& row = rows_[static_cast<std::size_t>(t)];
        row.index.assign(s.index, s.index + s.count);
        row.value.assign(s.value, s.value + s.count);
        row.lambda = s.lambda;
        row.error = s.error;
        row.kkt = s.kkt;
        row.status = s.status;
    }

    Solutions finish() const {
        Solutions all;
        all.offset.push_back(0);
        for (const Row& row : rows_) {
            all.index.insert(all.index.end(), row.index.begin(), row.index.end());
            all.value.insert(all.value.end(), row.value.begin(), row.value.end());
            all.offset.push_back(static_cast<Index>(all.index.size()));
            all.lambda.push_back(row.lambda);
            all.error.push_back(row.error);
            all.kkt.push_back(row.kkt);
            all.status.push_back(row.status);
        }
        return all;
    }

private:
    struct Row {
        std::vector<Id> index;
        std::vector<double> value;
        double lambda = 0.0, error = 0.0, kkt = 0.0;
        Status status = Status::interrupted;
    };
    std::vector<Row> rows_;
};

}  // namespace

const char* to_string(Status status) {
    switch (status) {
        case Status::certified:
            return "certified";
        case Status::terms:
            return "terms";
        case Status::lambda:
            return "lambda";
        case Status::error:
            return "error";
        case Status::exhausted:
            return "exhausted";
        case Status::floor:
            return "floor";
        case Status::uncertified:
            return "uncertified";
        case Status::interrupted:
            return "interrupted";
    }
    return "unknown";
}

Paths::Paths(const Problem& problem, const Options& options) : problem_(problem), options_(options) {
    if (problem_.gram != nullptr && problem_.targets == nullptr)
        problem_.target_count = problem_.possible_targets();
    validate(problem_, options_);
    options_.progress = nullptr;  // belongs to this call, not to the queries
    const Index count = size();
    const auto length = static_cast<std::size_t>(count);
    EventLog log(count, expected_events(problem_, options_), events_, offset_);
    lambda_max_.assign(length, 0.0);
    lambda_end_.assign(length, 0.0);
    kkt_.assign(length, 0.0);
    status_.assign(length, Status::interrupted);

    std::atomic<bool> stop{false};
    Workers workers(problem_, options_, count, &stop);
    workers.for_each(count, options.progress, stop, [&](Worker& worker, Index item) {
        const Outcome outcome = worker.follow(item);
        if (outcome.culprit != -1)
            throw_indefinite(problem_, problem_.target(item), outcome, worker.events(), worker.event_count());
        const auto t = static_cast<std::size_t>(item);
        log.add(item, worker.events(), worker.event_count());
        lambda_max_[t] = outcome.lambda_max;
        lambda_end_[t] = outcome.lambda_end;
        kkt_[t] = outcome.kkt;
        status_[t] = outcome.status;
    });
    log.finish();
}

Index Paths::interrupted() const {
    Index count = 0;
    for (const Status status : status_) count += status == Status::interrupted ? 1 : 0;
    return count;
}

static PathView view(const Paths& paths, Index t) {
    const auto i = static_cast<std::size_t>(t);
    const Outcome end{paths.status()[i], paths.lambda_max()[i], paths.lambda_end()[i], paths.kkt()[i], -1};
    return {paths.begin(t), paths.end(t) - paths.begin(t), end};
}

/// Calls read(worker, t) for every target, each worker with the stored path of t open.
template <class Read>
static Solutions read_all(const Problem& problem, const Options& options, const Paths& paths,
                          const Progress& progress, Read read) {
    std::atomic<bool> stop{false};
    const Index count = paths.size();
    Workers workers(problem, options, count, &stop);
    Collector collector(count);
    workers.for_each(count, progress, stop, [&](Worker& worker, Index t) {
        worker.open(t, view(paths, t));
        collector.set(t, read(worker, t));
    });
    return collector.finish();
}

Solutions Paths::at_lambda(const double* lambda, bool refit, const Progress& progress) const {
    for (Index t = 0; t < size(); ++t)
        if (!(lambda[t] >= 0.0) || std::isinf(lambda[t]))
            throw InvalidArgument("lam: must be a finite number >= 0, got " + std::to_string(lambda[t]) +
                                  " for target " + std::to_string(problem_.target(t)));
    return read_all(problem_, options_, *this, progress,
                    [&](Worker& worker, Index t) { return worker.at_lambda(lambda[t], refit); });
}

Solutions Paths::at_terms(Index terms, bool refit, const Progress& progress) const {
    if (terms < 0) throw InvalidArgument("terms: must be >= 0, got " + std::to_string(terms));
    return read_all(problem_, options_, *this, progress,
                    [&](Worker& worker, Index) { return worker.at_terms(terms, refit); });
}

Solutions Paths::at_relative_error(double relative_error, bool refit, const Progress& progress) const {
    if (!(relative_error >= 0.0) || std::isinf(relative_error))
        throw InvalidArgument("relative_error: must be a finite number >= 0, got " +
                              std::to_string(relative_error));
    return read_all(problem_, options_, *this, progress,
                    [&](Worker& worker, Index) { return worker.at_relative_error(relative_error, refit); });
}

void Paths::check_target(Index t) const {
    if (t < 0 || t >= size())
        throw InvalidArgument("target: " + std::to_string(t) + " is out of range for " +
                              std::to_string(size()) + " targets");
}

Profile Paths::profile(Index t, const double* lambda, Index count) const {
    check_target(t);
    const auto i = static_cast<std::size_t>(t);
    // Downwards through the path, whatever the order of the grid; points below its end have the values of the end.
    std::vector<Index> order(static_cast<std::size_t>(count));
    for (Index g = 0; g < count; ++g) {
        if (!(lambda[g] >= 0.0))
            throw InvalidArgument("lam: must be >= 0, got " + std::to_string(lambda[g]) + " at position " +
                                  std::to_string(g));
        order[static_cast<std::size_t>(g)] = g;
    }
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return lambda[a] > lambda[b]; });

    Workers workers(problem_, options_, 1, nullptr);
    Worker& worker = workers.of(0);
    worker.open(t, view(*this, t));
    worker.begin_replay();
    Profile profile;
    profile.error.resize(order.size());
    profile.l1_norm.resize(order.size());
    const Event* event = begin(t);
    for (const Index g : order) {
        const double at = std::max(lambda[g], lambda_end_[i]);
        for (; event != end(t) && event->lambda > at; ++event) worker.replay(*event);
        double norm = 0.0;
        for (Index r = 0; r < worker.active_count(); ++r) norm += std::fabs(worker.coefficient(r, at));
        profile.error[static_cast<std::size_t>(g)] = worker.error(at);
        profile.l1_norm[static_cast<std::size_t>(g)] = norm;
    }
    return profile;
}

Knots Paths::knots(Index t) const {
    check_target(t);
    Workers workers(problem_, options_, 1, nullptr);
    Worker& worker = workers.of(0);
    worker.open(t, view(*this, t));
    worker.begin_replay();
    Knots knots;
    knots.event.assign(begin(t), end(t));
    knots.offset.push_back(0);
    std::vector<std::pair<Id, double>> row;
    for (const Event& event : knots.event) {
        worker.replay(event);
        const double at = std::min(event.lambda, lambda_max_[static_cast<std::size_t>(t)]);
        row.clear();
        for (Index r = 0; r < worker.active_count(); ++r)
            row.emplace_back(worker.active_source(r),
                             worker.active_source(r) == event.source && event.lambda == at
                                 ? 0.0  // it has just entered
                                 : worker.coefficient(r, at));
        std::sort(row.begin(), row.end());
        for (const auto& [source, value] : row) {
            knots.index.push_back(source);
            knots.value.push_back(value);
        }
        knots.offset.push_back(static_cast<Index>(knots.index.size()));
    }
    return knots;
}

}  // namespace covlasso
