// All targets at once: the paths, their storage, and the solutions read off them.
#include "covlasso/path.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "covlasso/error.hpp"
#include "engine.hpp"
#include "validate.hpp"

namespace covlasso {

namespace {

[[noreturn]] void throw_fault(const Problem& problem, Id target, const Outcome& outcome, const Event* event,
                              Index count) {
    std::string active;
    if (outcome.culprit == Outcome::own_rows) {
        check_own_values(problem);
        throw InvalidArgument("own: the squares of the rows of target " + std::to_string(target) +
                              " overflow together; scale the logits");
    }
    const std::string remedy = "pass as float32, not as float64, what was rounded to float32";
    constexpr Index most = 8;
    for (Index e = 0; e < count && e < most; ++e) active += (e ? ", " : "") + std::to_string(event[e].source);
    if (count > most) active += ", ...";
    if (outcome.culprit == Outcome::the_target)
        throw IndefiniteGram(
            (problem.intra() ? "gram" : "gram, cross and energy") +
            std::string(": not positive semi-definite: the error of target ") + std::to_string(target) +
            " given categories " + active +
            " is negative; pass second moments of the same real logits, computed in float64, or " + remedy);
    throw IndefiniteGram("gram: not positive semi-definite: category " + std::to_string(outcome.culprit) +
                         " given categories " + active +
                         " has a negative Schur complement (on the path of target " + std::to_string(target) +
                         "); pass second moments X'X / N of real logits, computed in float64, or " + remedy);
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

std::unique_ptr<Engine> make_engine(const Problem& problem, const Options& options) {
    Options kept = options;
    kept.progress = nullptr;  // belongs to this call, not to the queries
    return kept.devices.empty() ? make_cpu_engine(problem, kept) : make_cuda_engine(problem, kept);
}

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

Paths::Paths(const Problem& problem, const Options& options) : problem_(problem), method_(options.method) {
    if (problem_.gram != nullptr && problem_.targets == nullptr)
        problem_.target_count = problem_.possible_targets();
    validate_shared(problem_, options);
    engine_ = make_engine(problem_, options);
    const auto length = static_cast<std::size_t>(size());
    EventLog log(size(), expected_events(problem_, options), events_, offset_);
    lambda_max_.assign(length, 0.0);
    lambda_end_.assign(length, 0.0);
    kkt_.assign(length, 0.0);
    status_.assign(length, Status::interrupted);

    engine_->follow(
        [&](Index target, const Outcome& outcome, const Event* event, Index count) {
            if (outcome.culprit != -1) throw_fault(problem_, problem_.target(target), outcome, event, count);
            const auto t = static_cast<std::size_t>(target);
            log.add(target, event, count);
            lambda_max_[t] = outcome.lambda_max;
            lambda_end_[t] = outcome.lambda_end;
            kkt_[t] = outcome.kkt;
            status_[t] = outcome.status;
        },
        options.progress);
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

static Solutions read_all(const Engine& engine, const Paths& paths, const Place& place,
                          const Progress& progress) {
    Collector collector(paths.size());
    engine.read(
        place, [&](Index t) { return view(paths, t); },
        [&](Index t, const Solution& solution) { collector.set(t, solution); }, progress);
    return collector.finish();
}

void Paths::require_lasso(const char* argument) const {
    if (method_ == Method::pursuit)
        throw InvalidArgument(std::string(argument) +
                              ": a pursuit has no solution at a lambda; read it by terms or relative_error");
}

Solutions Paths::at_lambda(const double* lambda, bool refit, const Progress& progress) const {
    require_lasso("lam");
    for (Index t = 0; t < size(); ++t)
        if (!(lambda[t] >= 0.0) || std::isinf(lambda[t]))
            throw InvalidArgument("lam: must be a finite number >= 0, got " + std::to_string(lambda[t]) +
                                  " for target " + std::to_string(problem_.target(t)));
    Place place{Place::at_lambda};
    place.lambda = lambda;
    place.refit = refit;
    return read_all(*engine_, *this, place, progress);
}

Solutions Paths::at_terms(Index terms, bool refit, const Progress& progress) const {
    if (terms < 0) throw InvalidArgument("terms: must be >= 0, got " + std::to_string(terms));
    for (Index t = 0; t < size(); ++t) {
        const Index unpenalised =
            std::count_if(begin(t), end(t), [](const Event& event) { return std::isinf(event.lambda); });
        if (terms < unpenalised)
            throw InvalidArgument("terms: " + std::to_string(terms) + " is less than the " +
                                  std::to_string(unpenalised) + " unpenalised sources (weight 0) of target " +
                                  std::to_string(problem_.target(t)));
    }
    Place place{Place::at_terms};
    place.terms = terms;
    place.refit = refit;
    return read_all(*engine_, *this, place, progress);
}

Solutions Paths::at_relative_error(double relative_error, bool refit, const Progress& progress) const {
    if (!(relative_error >= 0.0) || std::isinf(relative_error))
        throw InvalidArgument("relative_error: must be a finite number >= 0, got " +
                              std::to_string(relative_error));
    Place place{Place::at_relative_error};
    place.relative_error = relative_error;
    place.refit = refit;
    return read_all(*engine_, *this, place, progress);
}

void Paths::check_target(Index t) const {
    if (t < 0 || t >= size())
        throw InvalidArgument("target: " + std::to_string(t) + " is out of range for " +
                              std::to_string(size()) + " targets");
}

Profile Paths::profile(Index t, const double* lambda, Index count) const {
    check_target(t);
    require_lasso("lam");
    // Downwards through the path, whatever the order of the grid; points below its end have the values of the end.
    std::vector<Index> order(static_cast<std::size_t>(count));
    for (Index g = 0; g < count; ++g) {
        if (!(lambda[g] >= 0.0))
            throw InvalidArgument("lam: must be >= 0, got " + std::to_string(lambda[g]) + " at position " +
                                  std::to_string(g));
        order[static_cast<std::size_t>(g)] = g;
    }
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return lambda[a] > lambda[b]; });

    const Pieces pieces = engine_->pieces(t, view(*this, t));
    Profile profile;
    profile.error.resize(order.size());
    profile.l1_norm.resize(order.size());
    std::size_t piece = 0;
    for (const Index g : order) {
        const double at = std::max(lambda[g], lambda_end_[static_cast<std::size_t>(t)]);
        for (const Event* event = begin(t) + piece; event != end(t) && event->lambda > at; ++event) ++piece;
        double norm = 0.0;
        for (Index r = pieces.offset[piece]; r < pieces.offset[piece + 1]; ++r)
            norm += std::fabs(pieces.coefficient(static_cast<std::size_t>(r), at));
        profile.error[static_cast<std::size_t>(g)] = pieces.error_at(piece, at);
        profile.l1_norm[static_cast<std::size_t>(g)] = norm;
    }
    return profile;
}

Knots Paths::knots(Index t) const {
    check_target(t);
    const Pieces pieces = engine_->pieces(t, view(*this, t));
    Knots knots;
    knots.event.assign(begin(t), end(t));
    knots.offset.push_back(0);
    std::vector<std::pair<Id, double>> row;
    for (std::size_t e = 0; e < knots.event.size(); ++e) {
        const Event& event = knots.event[e];
        const double at = std::min(event.lambda, lambda_max_[static_cast<std::size_t>(t)]);
        row.clear();
        for (Index i = pieces.offset[e + 1]; i < pieces.offset[e + 2]; ++i) {
            const auto r = static_cast<std::size_t>(i);
            const bool has_just_entered =
                method_ == Method::lasso && pieces.source[r] == event.source && event.lambda == at;
            row.emplace_back(pieces.source[r], has_just_entered ? 0.0 : pieces.coefficient(r, at));
        }
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
