// Solutions read off a pursuit: its events in their order are the support, the rest is least squares.
//
// The certificate is of the coefficients that are returned, from the caller's Gram: on the support g vanishes (normal
// equations), and before the last term entered no other source had a larger |g_j| / w_j (greedy rule). What is reported
// is the larger violation of the two, relative to the first score times the smallest weight.
#pragma once

#include "algorithm/answer.hpp"
#include "algorithm/pursuit.hpp"
#include "algorithm/query.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class PursuitQuery {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN PursuitQuery(Team team, const Gram& gram)
        : team_(team), piece_(team, gram), answer_(team, gram) {}

    /// Room for `terms` sources from the start.
    COVLASSO_FN void reserve(Index terms) { piece_.reserve(terms + 1); }

    /// The pursuit to read, and the target and limits with which it was made.
    COVLASSO_FN void open(Target& target, const Limits& limits, const PathView& path) {
        target_ = &target;
        limits_ = limits;
        path_ = path;
    }

    COVLASSO_FN const ActiveSet& active() const { return piece_.active(); }
    COVLASSO_FN Quadratic error() const { return piece_.error(); }

    /// After the first `terms` terms; lambda is the largest score that they leave.
    COVLASSO_FN Point at_terms(Index terms) const {
        Point point = after(terms < path_.count ? terms : path_.count);
        const bool asked = terms == path_.count;
        if (asked && point.status != Status::interrupted) point.status = Status::certified;
        return point;
    }

    /// After the fewest terms with error <= bound.
    COVLASSO_FN Point at_error(double bound) {
        begin_replay();
        for (Index e = 0; e <= path_.count; ++e) {
            if (e > 0) enter_next();
            if (after(e).lambda == infinity || !(error()(0.0) <= bound * (1.0 + 1e-6))) continue;
            piece_.refine();  // exact where it matters
            if (error()(0.0) <= bound) return {after(e).lambda, e, Status::certified};
        }
        Point end = after(path_.count);
        if (end.status == Status::error && bound >= limits_.error * (1.0 - 1e-12))
            end.status = Status::certified;
        return end;
    }

    /// The solution at a point, certified from the caller's Gram.
    COVLASSO_FN Solution solve(const Point& point) {
        if (path_.outcome.status == Status::interrupted || team_.stopped()) return unsolved();
        begin(point.events);
        for (Index e = 0; e + 1 < point.events; ++e) enter_next();
        double violation = 0.0;
        if (point.events > 0) violation = enter_last(path_.event[point.events - 1]);
        violation = larger(violation, normal_equations());
        put_by_source();
        double kkt = violation > 0.0 ? violation / scale() : 0.0;
        if (kkt > kkt_tolerance && kkt < infinity) kkt = violation / scale_of_active();
        const Status status = known(point, kkt);
        return {answer_.sources(),
                answer_.values(),
                answer_.size(),
                point.lambda,
                piece_.error_of_base(),
                kkt,
                status};
    }

    COVLASSO_FN void begin_replay() { begin(path_.count); }

    /// The next event of the path, which the caller names.
    COVLASSO_FN void replay(const Event&) {
        enter_next();
        piece_.refine();
    }

private:
    /// The point after the first `events` events.
    COVLASSO_FN Point after(Index events) const {
        if (events < path_.count) return {path_.event[events].lambda, events, Status::certified};
        return {path_.outcome.lambda_end, path_.count, path_.outcome.status};
    }

    /// What is true of a target whose terms are not known: b = 0.
    COVLASSO_FN Solution unsolved() const {
        return {answer_.sources(), answer_.values(), 0, infinity, target_->energy, 0.0, Status::interrupted};
    }

    /// An empty piece whose candidates are the sources of the first `events` events, in their order.
    COVLASSO_FN void begin(Index events) {
        team_.sync();
        piece_.begin(*target_, limits_.l2, limits_.noise);
        entered_ = 0;
        team_.for_each(events, [&](Index e) { target_->chosen[e] = path_.event[e].source; });
        team_.sync();
        if (events > 0) piece_.admit(events);
    }

    COVLASSO_FN void enter_next() { piece_.enter(entered_++, 0.0); }

    /// Enters the last term; returns by how much another source was larger before it.
    COVLASSO_FN double enter_last(const Event& event) {
        double violation = 0.0;
        if (event.lambda < infinity) {
            piece_.refine();
            violation = greedy_violation(event.source);
        }
        enter_next();
        return violation;
    }

    /// The largest |g_j| - w_j |g_i| / w_i over the sources j, where i is the one chosen. What depends on those that are in
    /// could not be chosen.
    COVLASSO_STEP double greedy_violation(Id i) {
        const double* gradient = target_->next_gradient.data();
        piece_.gradient(0.0, target_->next_gradient);
        const double* w = target_->penalty.data();
        const double score = std::fabs(gradient[i]) / w[i], bar = kkt_tolerance * scale();
        const auto excess = [=](Index j) {
            return w[j] < infinity ? std::fabs(gradient[j]) - score * w[j] : 0.0;
        };
        double worst = team_.max(target_->sources, excess);
        if (worst <= bar) return worst;
        const Index count =
            team_.select(target_->sources, [=](Index j) { return excess(j) > bar; }, target_->chosen.data());
        worst = bar;
        const Index first = piece_.candidates().size();
        piece_.admit(count);
        for (Index v = 0; v < count; ++v)
            if (piece_.examine(first + v) != Entry::dependent)
                worst = larger(worst, excess(piece_.candidates().source(first + v)));
        return worst;
    }

    /// Solves them as exactly as they can be; returns the largest |g_j| on the support.
    COVLASSO_STEP double normal_equations() {
        double* gradient = target_->next_gradient.data();
        double largest = infinity;
        for (int step = 0; step < 3 && largest > refine_above * scale(); ++step) {
            piece_.refine();
            piece_.gradient(0.0, target_->next_gradient);
            largest = largest_on_support(team_, active(), gradient);
        }
        return is_finite(gradient) ? largest : infinity;
    }

    /// Whether all that was read for the target is: its energy, and the gradient of every source that may enter.
    COVLASSO_FN bool is_finite(const double* gradient) const {
        const double* w = target_->penalty.data();
        return std::fabs(target_->energy) < infinity &&
               !team_.any_of(
                   target_->sources,
                   [=](Index j) { return (w[j] < infinity) & !(std::fabs(gradient[j]) < infinity); });
    }

    /// The answer is the active set, by ascending source.
    COVLASSO_FN void put_by_source() {
        const Index k = active().size();
        order_.reserve(team_, k + 1);
        team_.sync();
        team_.for_each(k, [&](Index r) {
            Index before = 0;
            for (Index s = 0; s < k; ++s) before += active().source(s) < active().source(r) ? 1 : 0;
            order_[before] = r;
        });
        answer_.begin(*target_, limits_.l2, k);
        for (Index m = 0; m < k; ++m) answer_.put(active().source(order_[m]), active().base(order_[m]));
        team_.sync();
    }

    /// The status at a point, given its certificate. Where the terms are so large that rounding decides, there is none: see
    /// Query::below_rounding.
    COVLASSO_FN Status known(const Point& point, double kkt) const {
        if (!(kkt < infinity)) return Status::uncertified;
        const double bound = answer_.gradient_error() / scale_of_active();
        if (!(kkt <= kkt_tolerance)) return bound > kkt_tolerance ? Status::floor : Status::uncertified;
        const bool rounding_decides = point.status == Status::certified && bound > usual * kkt_tolerance;
        return rounding_decides ? Status::floor : point.status;
    }

    /// Residuals are relative to the first score times the smallest weight; where there is none, to the cross moments.
    COVLASSO_FN double scale() const {
        if (path_.outcome.lambda_max > 0.0) return path_.outcome.lambda_max * target_->least_penalty;
        const double* cross = target_->cross.data();
        return 2.0 * team_.max(target_->sources, [=](Index j) { return std::fabs(cross[j]); });
    }

    /// What is too large beside the smallest weight counts beside the smallest of the terms.
    COVLASSO_FN double scale_of_active() const {
        return scale() * (piece_.least_active_penalty() / target_->least_penalty);
    }

    static constexpr double refine_above = 1e-12;
    static constexpr double usual = 16.0;  // bound on rounding over its usual size

    Team team_;
    Piece<Team> piece_;
    Answer<Team> answer_;
    Limits limits_{};
    Target* target_ = nullptr;
    PathView path_{};
    Index entered_ = 0;  // events that have happened
    Buffer<Index> order_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
