// Solutions read off a path: the events say which sources are active and with which signs; the rest is one solve.
#pragma once

#include "algorithm/answer.hpp"
#include "algorithm/coordinate_descent.hpp"
#include "algorithm/load.hpp"
#include "algorithm/piece.hpp"
#include "algorithm/records.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// A point of a path: the first `events` events have happened.
struct Point {
    double lambda;
    Index events;
    Status status;
    bool is_entry = false;  ///< a source enters at lambda, which is where it meets its bound
    Id entering = -1;       ///< which one, where it is known
    Index most_terms = -1;  ///< how many terms were asked for, if any number was
};

template <class Team>
class Query {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN Query(Team team, const Gram& gram)
        : team_(team), gram_(gram), piece_(team, gram), descent_(team, gram), answer_(team, gram) {}

    /// Room for `terms` active sources from the start.
    COVLASSO_FN void reserve(Index terms) { piece_.reserve(terms + 1); }

    /// The path to read, and the target and limits with which it was followed.
    COVLASSO_FN void open(Target& target, const Limits& limits, const PathView& path) {
        target_ = &target;
        limits_ = limits;
        path_ = path;
    }

    COVLASSO_FN const ActiveSet& active() const { return piece_.active(); }
    COVLASSO_FN Quadratic error() const { return piece_.error(); }

    COVLASSO_FN Point at_lambda(double lambda) const {
        const double end = path_.outcome.lambda_end;
        if (lambda < end && path_.outcome.status != Status::floor)
            return end_of_path();  // below a floor: by descent
        if (lambda == end) return {lambda, path_.count, Status::certified};
        Index events = 0;
        while (events < path_.count && path_.event[events].lambda > lambda) ++events;
        return {lambda, events, Status::certified};
    }

    /// Just before there are more than `terms` terms for the first time. Events at one lambda count together: what enters and
    /// leaves there, or stays at zero, is no term.
    COVLASSO_FN Point at_terms(Index terms) {
        bool tied = false;
        Index active = 0;
        for (Index e = 0, end = 0; e < path_.count; e = end) {
            const double lambda = path_.event[e].lambda;
            for (end = e; end < path_.count && is_tie(lambda, path_.event[end].lambda); ++end)
                active += path_.event[end].sign != 0 ? 1 : -1;
            tied = tied || (end > e + 1 && lambda < infinity);
            if (active > terms && (!tied || terms_after(end, lambda) > terms))
                return {lambda, e, Status::certified, true, path_.event[e].source, terms};
        }
        Point end = end_of_path();
        end.most_terms = terms;
        end.is_entry = end.status == Status::terms;
        if (end.is_entry && terms == limits_.max_terms) end.status = Status::certified;
        return end;
    }

    /// The largest lambda with error <= bound.
    COVLASSO_FN Point at_error(double bound) {
        begin_replay();
        double high = path_.outcome.lambda_max;
        for (Index e = 0; e <= path_.count; ++e) {
            const double low = e < path_.count ? path_.event[e].lambda : path_.outcome.lambda_end;
            if (low <= high) {
                if (error().largest_below(bound * (1.0 + 1e-6), low, high) >= low)
                    piece_.refine();  // exact where it matters
                const double lambda = error().largest_below(bound, low, high);
                if (lambda >= low) return {lambda, e, Status::certified};
                high = low;
            }
            if (e < path_.count) step(path_.event[e]);
        }
        Point end = end_of_path();
        if (end.status == Status::error && bound >= limits_.error * (1.0 - 1e-12))
            end.status = Status::certified;
        return end;
    }

    /// The solution at a point, certified from the caller's Gram; refit: least squares on its support.
    COVLASSO_FN Solution solve(const Point& point, bool refit) {
        if (path_.outcome.status == Status::interrupted) return unsolved();
        double lambda = point.lambda;
        collect(point.events);
        assemble();
        double kkt = certify_refined(lambda);
        if (point.is_entry && is_uncertain(lambda)) {
            const double entry = place_of_entry(point, lambda);
            const double distance = std::fabs(entry - lambda);
            if (distance > misplaced * lambda && distance <= most_misplaced * lambda) {
                lambda = entry;
                kkt = certify_refined(lambda);
            }
        }
        if (!(of_those_taking_part(kkt, lambda) <= kkt_tolerance)) kkt = certify_corrected(lambda);
        kkt = of_those_taking_part(kkt, lambda);
        const bool from_path = kkt <= kkt_tolerance;
        if (!from_path) kkt = of_those_taking_part(certify_descent(lambda), lambda);
        if (team_.stopped()) return unsolved();
        Status status = point.status;
        if (!(kkt <= kkt_tolerance)) {
            if (lambda < path_.outcome.lambda_end) return solve(end_of_path(), refit);
            status = Status::uncertified;
        }
        const bool too_many = point.most_terms >= 0 && answer_.size() > point.most_terms;
        if (kkt < infinity && (too_many || below_rounding(status, lambda))) status = Status::floor;
        const double error = from_path ? answer_.error(this->error()(lambda)) : answer_.error();
        return refit ? refitted(from_path, {lambda, kkt, status}) : answered({lambda, kkt, status}, error);
    }

    /// What is true of a target whose path is not known: b = 0 at lambda = infinity.
    COVLASSO_FN Solution unsolved() const {
        return {answer_.sources(), answer_.values(), 0, infinity, target_->energy, 0.0, Status::interrupted};
    }

    COVLASSO_FN void begin_replay() {
        collect_all();
        start_piece();
    }

    COVLASSO_FN void replay(const Event& event) {
        step(event);
        piece_.refine();
    }

private:
    struct Member {
        Id source;
        std::int32_t sign;
    };

    /// Members by ascending source, in memory that has room for one more.
    struct MemberList {
        Member* member;
        Index size = 0;

        COVLASSO_FN void insert(Member added) {
            Index m = size++;
            for (; m > 0 && member[m - 1].source > added.source; --m) member[m] = member[m - 1];
            member[m] = added;
        }

        COVLASSO_FN void erase(Id source) {
            Index m = place_of(source);
            for (--size; m < size; ++m) member[m] = member[m + 1];
        }

        /// Its position, or the size if it is not among them.
        COVLASSO_FN Index place_of(Id source) const {
            Index m = 0;
            while (m < size && member[m].source != source) ++m;
            return m;
        }
    };

    /// Where a solution is, and what is known of it; a refit keeps it.
    struct Known {
        double lambda;
        double kkt;
        Status status;
    };

    COVLASSO_FN void step(const Event& event) {
        if (event.sign != 0)
            piece_.enter(place_of(event.source), 0.5 * event.sign * target_->penalty[event.source]);
        else
            for (Index r = 0; r < active().size(); ++r)
                if (active().source(r) == event.source) {
                    piece_.leave(r);
                    break;
                }
    }

    /// How many sources have a coefficient on the piece that begins at lambda, after the first `events` events.
    COVLASSO_FN Index terms_after(Index events, double lambda) {
        collect(events);
        assemble();
        const double lower =
            events < path_.count ? path_.event[events].lambda : std::fmin(path_.outcome.lambda_end, lambda);
        return count_terms(team_, active(), lambda, lower, rounding * piece_.mass(0.0));
    }

    COVLASSO_FN Point end_of_path() const {
        return {path_.outcome.lambda_end, path_.count, path_.outcome.status};
    }

    /// A residual that is too large beside the smallest weight of all counts beside the smallest of those that take part.
    COVLASSO_FN double of_those_taking_part(double kkt, double lambda) const {
        if (kkt <= kkt_tolerance || !(kkt < infinity) || !target_->weighted) return kkt;
        return kkt * (scale(lambda) / scale_of_those_taking_part(lambda));
    }

    COVLASSO_FN double scale_of_those_taking_part(double lambda) const {
        if (!target_->weighted) return scale(lambda);
        const double least = answer_.least_weight(lambda, limits_.positive);
        return least > 0.0 ? scale(lambda) * (least / target_->least_penalty) : scale(lambda);
    }

    /// Residuals are relative to lambda times the smallest weight; at lambda = 0 to that of lambda_max, and where this
    /// is 0 too, to the cross moments.
    COVLASSO_FN double scale(double lambda) const {
        if (lambda > 0.0) return lambda * target_->least_penalty;
        if (path_.outcome.lambda_max > 0.0) return path_.outcome.lambda_max * target_->least_penalty;
        const double* cross = target_->cross.data();
        return 2.0 * team_.max(target_->sources, [=](Index j) { return std::fabs(cross[j]); });
    }

    /// Where lambda is so small that rounding decides, there is no certificate: a residual beyond the tolerance is
    /// excused by the bound on rounding, one within it is believed down to rounding's usual size.
    COVLASSO_FN bool below_rounding(Status status, double lambda) const {
        const double most = status == Status::uncertified ? kkt_tolerance : usual * kkt_tolerance;
        if (status != Status::uncertified && status != Status::certified) return false;
        const double error = answer_.gradient_error();
        return error > most * scale(lambda) && error > most * scale_of_those_taking_part(lambda);
    }

    /// members_: who is active after the first `events` events, ascending.
    COVLASSO_FN void collect(Index events) {
        members_.reserve(team_, events + 1);
        size_ = team_.from_one([&] {
            MemberList members{members_.data()};
            for (Index e = 0; e < events; ++e) {
                const Event& event = path_.event[e];
                if (event.sign != 0)
                    members.insert({event.source, event.sign});
                else
                    members.erase(event.source);
            }
            return members.size;
        });
        tied_ = has_tie(events);
    }

    COVLASSO_FN bool is_tie(double upper, double lower) const {
        return at_one_lambda(upper, lower, path_.outcome.lambda_max);
    }

    /// Whether two of the first events are at one lambda. Then a member may be at zero on the whole piece.
    COVLASSO_FN bool has_tie(Index events) const {
        for (Index e = 1; e < events; ++e)
            if (path_.event[e - 1].lambda < infinity &&
                is_tie(path_.event[e - 1].lambda, path_.event[e].lambda))
                return true;
        return false;
    }

    /// members_: all that ever enter, ascending.
    COVLASSO_FN void collect_all() {
        members_.reserve(team_, path_.count + 1);
        size_ = team_.from_one([&] {
            MemberList members{members_.data()};
            for (Index e = 0; e < path_.count; ++e) {
                const Id source = path_.event[e].source;
                if (members.place_of(source) == members.size) members.insert({source, 0});
            }
            return members.size;
        });
    }

    /// Its position among the members.
    COVLASSO_FN Index place_of(Id source) { return MemberList{members_.data(), size_}.place_of(source); }

    /// An empty piece whose candidates are the members.
    COVLASSO_FN void start_piece() {
        piece_.begin(*target_, limits_.l2, limits_.noise);
        team_.for_each(size_, [&](Index m) { target_->chosen[m] = members_[m].source; });
        team_.sync();
        piece_.admit(size_);
    }

    COVLASSO_STEP void assemble() {
        start_piece();
        for (Index m = 0; m < size_; ++m)
            piece_.enter(m, 0.5 * members_[m].sign * target_->penalty[members_[m].source]);
        piece_.refine();
    }

    /// The answer from the piece.
    COVLASSO_STEP double certify_piece(double lambda) {
        return certify(lambda, [&](Index r) { return active().coefficient(r, lambda); });
    }

    /// The same where base and lambda slope are so large beside b that their rounding shows, as with nearly equal sources:
    /// b itself is corrected.
    COVLASSO_STEP double certify_corrected(double lambda) {
        const double* b = piece_.corrected(lambda);
        return certify(lambda, [=](Index r) { return b[r]; });
    }

    /// The answer b_r on the active set; a coefficient of the wrong sign is zero but for rounding.
    template <class Coefficient>
    COVLASSO_FN double certify(double lambda, Coefficient coefficient) {
        answer_.begin(*target_, limits_.l2, active().size());
        const double noise = tied_ ? rounding * piece_.mass(0.0) : 0.0;
        for (Index r = 0; r < active().size(); ++r) {
            const double value = coefficient(r);
            const bool is_term = !tied_ || !stays_at_zero(active(), r, lambda, lambda, noise);
            if (is_term && value * active().push(r) >= 0.0) answer_.put(active().source(r), value);
        }
        return certify(lambda);
    }

    /// The answer from the piece, corrected as long as that brings it nearer.
    COVLASSO_FN double certify_refined(double lambda) {
        double kkt = certify_piece(lambda);
        for (int step = 0; step < 2 && kkt > refine_above; ++step) {
            piece_.refine();
            kkt = certify_piece(lambda);
        }
        return kkt;
    }

    /// Whether rounding may have moved an event at lambda: gradients carry much of it, where they are small beside the moments.
    COVLASSO_FN bool is_uncertain(double lambda) const {
        return piece_.gradient_error(lambda) > uncertain * lambda * target_->least_penalty;
    }

    /// Where the source that enters meets its bound, from its row of the caller's Gram: on the path the gradients of
    /// candidates are followed, and carry the rounding of all events before.
    COVLASSO_STEP double place_of_entry(const Point& point, double lambda) {
        const Index source = point.entering >= 0 ? Index{point.entering} : nearest_to_bound();
        if (source < 0) return lambda;
        team_.one([&] { target_->chosen[0] = static_cast<Id>(source); });
        team_.sync();
        piece_.admit(1);
        const Index place = piece_.candidates().size() - 1;
        return piece_.examine(place) == Entry::entered ? piece_.entry_of_examined(place, lambda) : lambda;
    }

    /// The source outside the active set with the largest |g_j| / w_j, by the gradient of the certificate; -1 for none.
    COVLASSO_FN Index nearest_to_bound() {
        const double *gradient = target_->next_gradient.data(), *w = target_->penalty.data();
        double* height = target_->outside.data();  // the error and the certificate still need the gradient
        const double both = limits_.positive ? 0.0 : 1.0;
        team_.for_each(target_->sources, [=](Index j) {
            height[j] = w[j] < infinity ? larger(gradient[j], -both * gradient[j]) / w[j] : 0.0;
        });
        team_.sync();
        team_.for_each(active().size(), [&](Index r) { height[active().source(r)] = 0.0; });
        team_.sync();
        return team_.largest(target_->sources, [=](Index j) { return height[j]; }).index;
    }

    /// The answer from coordinate descent, which starts at the piece's coefficients.
    COVLASSO_FN double certify_descent(double lambda) {
        if constexpr (Team::approximates)
            if (target_->is_rough) make_exact(team_, gram_, *target_);
        descent_.clear();
        for (Index r = 0; r < active().size(); ++r) {
            const double value = active().coefficient(r, lambda);
            descent_.admit(active().source(r), limits_.positive && value < 0.0 ? 0.0 : value);
        }
        descent_.solve(*target_, lambda, limits_.l2, limits_.positive, 0.1 * kkt_tolerance * scale(lambda));
        put_descent();
        return certify(lambda);
    }

    COVLASSO_FN double certify(double lambda) {
        if (!(std::fabs(target_->energy) < infinity)) return infinity;
        const double residual = answer_.residual(lambda, limits_.positive);
        return residual > 0.0 ? residual / scale(lambda) : 0.0;
    }

    /// The answer is what descent found, by ascending source; so are the members.
    COVLASSO_FN void put_descent() {
        members_.reserve(team_, descent_.size() + 1);
        size_ = team_.from_one([&] {
            MemberList members{members_.data()};
            for (Index s = 0; s < descent_.size(); ++s)
                if (descent_.value(s) != 0.0)
                    members.insert({descent_.source(s), descent_.value(s) > 0.0 ? 1 : -1});
            return members.size;
        });
        answer_.begin(*target_, limits_.l2, size_);
        for (Index m = 0; m < size_; ++m)
            for (Index s = 0; s < descent_.size(); ++s)
                if (descent_.source(s) == members_[m].source)
                    answer_.put(members_[m].source, descent_.value(s));
    }

    /// members_: the sources of the answer; one that stays at zero after a tie is none of them.
    COVLASSO_FN void keep_terms() {
        size_ = team_.from_one([&] {
            MemberList members{members_.data()};
            for (Index s = 0; s < answer_.size(); ++s)
                members.insert({answer_.sources()[s], answer_.values()[s] > 0.0 ? 1 : -1});
            return members.size;
        });
    }

    /// Least squares (with the ridge term) on the support of the Lasso solution.
    COVLASSO_FN Solution refitted(bool from_path, const Known& known) {
        if (from_path && tied_) keep_terms();
        if (!from_path || tied_) assemble();  // on the support of the answer
        if (limits_.positive) return refitted_positive(known);
        answer_.begin(*target_, limits_.l2, active().size());
        for (Index r = 0; r < active().size(); ++r) answer_.put(active().source(r), active().base(r));
        return answered(known, piece_.error_of_base());
    }

    COVLASSO_FN Solution refitted_positive(const Known& known) {
        descent_.clear();
        for (Index r = 0; r < active().size(); ++r)
            descent_.admit(active().source(r), std::fmax(active().base(r), 0.0));
        descent_.solve_positive(*target_, limits_.l2, 1e-3 * kkt_tolerance * path_.outcome.lambda_max);
        if (team_.stopped()) return unsolved();
        put_descent();
        return answered(known, answer_.error());
    }

    COVLASSO_FN Solution answered(const Known& known, double error) const {
        return {answer_.sources(), answer_.values(), answer_.size(), known.lambda, error,
                known.kkt,         known.status};
    }

    static constexpr double refine_above = 1e-12;
    static constexpr double uncertain =
        1e-12;  // of a bound; candidates gain at least some hundredth of it per lambda
    static constexpr double usual = 16.0;  // bound on rounding over its usual size

    Team team_;
    const Gram& gram_;
    Piece<Team> piece_;
    CoordinateDescent<Team> descent_;
    Answer<Team> answer_;
    Limits limits_{};
    Target* target_ = nullptr;
    PathView path_{};
    Index size_ = 0;
    bool tied_ = false;
    Buffer<Member> members_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
