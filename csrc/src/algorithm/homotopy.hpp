// The exact solution path of one target, from lambda_max down: the homotopy (LARS with the Lasso's drops).
//
// It proceeds in stages. Within a stage only the candidates take part, so that an event costs |S| k operations. A
// stage ends with the gradient of all sources, which proves that no other source should have entered: at the end of
// the stage by its value, in between by a bound on how far it can have moved (stage.hpp). Where the proof fails, the
// stage is run again with the violators among the candidates. Nothing is reported before it is verified.
//
// References: Osborne, Presnell, Turlach, IMA J. Numer. Anal. 20 (2000); Efron et al., Ann. Statist. 32 (2004);
// candidates by a sequential rule as in Tibshirani et al., J. R. Stat. Soc. B 74 (2012).
#pragma once

#include "algorithm/forecast.hpp"
#include "algorithm/piece.hpp"
#include "algorithm/proof.hpp"
#include "algorithm/records.hpp"
#include "algorithm/stage.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// What the path meets first below the present lambda.
struct Next {
    enum Kind {
        enters,
        leaves,
        end_of_stage,
        end_of_path
    } kind;
    double lambda;
    Index index;    ///< place among the candidates (enters) or in the active set (leaves)
    Status reason;  ///< why the path ends
};

template <class Team>
class Homotopy {
    using Gram = TargetGram<Team>;
    using Proof = StageProof<Team>;

public:
    COVLASSO_FN Homotopy(Team team, const Gram& gram)
        : team_(team), piece_(team, gram), gram_(gram), proof_(team, gram) {}

    /// Room for `terms` active sources from the start.
    COVLASSO_FN void reserve(Index terms) { piece_.reserve(terms + 1); }

    /// Follows the path of `target` and appends its events to `path`.
    COVLASSO_FN Outcome run(Target& target, const Limits& limits, EventList& path) {
        begin(target, limits, path);
        while (!done_) {
            open_stage();
            follow_events();
            while (!verified() && !done_) {
                repeat_stage();
                follow_events();
            }
            if (!done_) accept_stage(path);
        }
        return outcome_;
    }

private:
    COVLASSO_FN void begin(Target& target, const Limits& limits, EventList& path) {
        target_ = &target;
        limits_ = limits;
        done_ = false;
        last_lambda_ = 0.0;
        failures_ = 0;
        const Index p = target.sources;
        forecast_ = Forecast(p, target.is_rough);
        piece_.begin(target, limits.l2, limits.noise);
        double *gradient = target.gradient.data(), *outside = target.outside.data();
        const double *cross = target.cross.data(), *penalty = target.penalty.data();
        team_.for_each(p, [=](Index j) {
            gradient[j] = 2.0 * cross[j];
            outside[j] = penalty[j];
        });
        target.gradient.set_exact();
        team_.sync();
        outcome_ = Outcome{};
        if constexpr (Team::approximates)
            if (target.is_rough) settle_highest();
        enter_unpenalised(path);
        find_lambda_max();
    }

    /// b = 0 has a rough gradient: that of every source that may be the first to enter is settled.
    COVLASSO_FN void settle_highest() {
        Target& target = *target_;
        const double *g = target.gradient.data(), *root = target.root, *w = target.penalty.data();
        const double both = two_sided(), radius = 2.0 * target.cross_radius;
        target.gradient.set_rough(team_, target.self, radius);
        const auto height = [=](Index j) { return w[j] < infinity ? larger(g[j], -both * g[j]) : 0.0; };
        const double least = team_.max(target.sources, [=](Index j) { return height(j) - radius * root[j]; });
        const Index count = team_.select(
            target.sources, [=](Index j) { return height(j) + radius * root[j] >= least; },
            target.chosen.data());
        for (Index t = 0; t < count; ++t) target.gradient.settle(team_, gram_, target.chosen[t]);
    }

    /// lambda_max = max |g_j| / w_j, and the paths that end there.
    COVLASSO_FN void find_lambda_max() {
        const Target& target = *target_;
        const double *gradient = target.gradient.data(), *cross = target.cross.data(),
                     *penalty = target.penalty.data();
        const Index p = target.sources;
        const double both = two_sided();
        const double largest_cross = 2.0 * team_.max(p, [=](Index j) { return std::fabs(cross[j]); });
        lambda_ = team_.max(p, [=](Index j) {
            return larger(gradient[j], -both * gradient[j]) / (penalty[j] > 0.0 ? penalty[j] : infinity);
        });
        outcome_.lambda_max = outcome_.lambda_end = lambda_;
        if (lambda_ == 0.0 ||
            (piece_.active().size() > 0 && largest_penalised() <= noise_of_zero * largest_cross))
            return end_at_zero();
        if (lambda_ <= limits_.min_lambda) return end_path(Status::lambda);
        if (limits_.error > 0.0 && piece_.error()(lambda_) <= limits_.error) end_path(Status::error);
    }

    /// The largest |g_j| of those sources that may enter.
    COVLASSO_FN double largest_penalised() const {
        const double *gradient = target_->gradient.data(), *penalty = target_->penalty.data();
        const double both = two_sided();
        return team_.max(target_->sources, [=](Index j) {
            const bool is_penalised = penalty[j] > 0.0 && penalty[j] < infinity;
            return is_penalised ? larger(gradient[j], -both * gradient[j]) : 0.0;
        });
    }

    /// Nothing penalised can ever enter: zero, or least squares on the unpenalised sources, at every lambda.
    COVLASSO_FN void end_at_zero() {
        outcome_.lambda_max = outcome_.lambda_end = 0.0;
        end_path(Status::exhausted);
    }

    /// Sources of weight 0 are in the model at every lambda; one that depends on the others adds nothing.
    COVLASSO_FN void enter_unpenalised(EventList& path) {
        Target& target = *target_;
        const double* penalty = target.penalty.data();
        const Index count =
            team_.select(target.sources, [=](Index j) { return penalty[j] == 0.0; }, target.chosen.data());
        if (count == 0) return;
        piece_.admit(count);
        for (Index j = 0; j < count; ++j)
            if (enter(j, 0.0)) path.push(team_, {infinity, piece_.candidates().source(j), 1});
        piece_.refine();
        piece_.gradient(0.0, target.gradient);
    }

    COVLASSO_FN void open_stage() {
        shortened_ = 0;
        piece_.admit(forecast_.choose(team_, *target_, lambda_, last_lambda_, two_sided()));
        const double* outside = target_->outside.data();
        all_inside_ = !team_.any_of(target_->sources, [=](Index j) { return outside[j] < infinity; });
        bottom_ = forecast_.end_of_stage(lambda_);
        most_events_ = forecast_.most_events(last_lambda_ == 0.0, piece_.active().size());
        const ActiveSet& active = piece_.active();
        saved_size_ = active.size();
        saved_.reserve(team_, saved_size_ + 1);
        team_.for_each(saved_size_, [&](Index r) { saved_[r] = {active.place(r), active.push(r)}; });
        team_.sync();
        start_stage();
    }

    /// Back to the active set with which the stage began; violators become candidates.
    COVLASSO_FN void repeat_stage() {
        piece_.active().clear();
        for (Index r = 0; r < saved_size_; ++r) enter(saved_[r].place, saved_[r].push);
        piece_.refine();
        piece_.admit(violators_);
        start_stage();
    }

    /// Begins a stage at lambda_, from the gradient there.
    COVLASSO_FN void start_stage() {
        if constexpr (Team::approximates)
            if (target_->is_rough) piece_.settle_candidates(lambda_, target_->gradient);
        piece_.candidates().reset(team_, piece_.active(), target_->gradient.data(), lambda_);
        stage_.open(team_, lambda_, piece_.candidates().padded_size());
        at_ = lambda_;
        tie_.open = false;
        add_knot();
    }

    COVLASSO_FN void follow_events() {
        Index standstill = 0;
        for (next_ = find_next(); next_.kind == Next::enters || next_.kind == Next::leaves;
             next_ = find_next()) {
            standstill = next_.lambda < at_ ? 0 : standstill + 1;
            if (standstill > patience + 4 * piece_.candidates().size()) break;
            at_ = next_.lambda;
            if (next_.kind == Next::leaves)
                leave(next_.index);
            else if (!enter_penalised(next_.index))
                continue;
            add_knot();
        }
        at_ = next_.lambda;
        add_knot();
    }

    /// The first of: a candidate touches its bound; a coefficient meets zero; the stage or the path ends.
    COVLASSO_STEP Next find_next() {
        const double lowest = lowest_lambda();
        const double noise = rounding * piece_.mass(0.0);
        const Best leaving = first_to_leave(lowest, noise);
        const Best entering = first_to_enter(std::max(lowest, leaving.value), noise);
        Next next{Next::end_of_stage, lowest, -1, Status::certified};
        if (entering.index >= 0)
            next = {Next::enters, std::min(entering.value, at_), entering.index, Status::certified};
        else if (leaving.index >= 0)
            next = {Next::leaves, std::min(leaving.value, at_), leaving.index, Status::certified};
        if (stage_.events().size() >= most_events_ && !tie_.open &&
            !at_one_lambda(at_, next.lambda, outcome_.lambda_max))
            next.kind = Next::end_of_stage;
        return path_end_before(next);
    }

    /// The candidate that touches its bound first.
    COVLASSO_FN Best first_to_enter(double lowest, double noise) {
        const Candidates& candidates = piece_.candidates();
        const Best entering = candidates.next(team_, limits_.positive, lowest, noise);
        const bool is_certain =
            entering.index < 0 || candidates.is_certain(entering.index, entering.value, noise, misplaced);
        return is_certain ? entering : first_to_enter_exactly(entering, lowest, noise);
    }

    /// The same where rounding makes the lambda uncertain: it is taken from the entries of G. A candidate that depends on the
    /// active set, or was there by rounding only, is set aside until the next stage.
    COVLASSO_STEP Best first_to_enter_exactly(Best entering, double lowest, double noise) {
        Candidates& candidates = piece_.candidates();
        while (entering.index >= 0 &&
               !candidates.is_certain(entering.index, entering.value, noise, misplaced)) {
            const Entry entry = piece_.examine(entering.index);
            if (entry == Entry::indefinite) return entering;
            const double exact =
                entry == Entry::entered ? piece_.entry_of_examined(entering.index, 0.0) : 0.0;
            if (std::fabs(exact - entering.value) <= most_misplaced * entering.value)
                return {exact, entering.index};
            candidates.hold(team_, entering.index);
            entering = candidates.next(team_, limits_.positive, lowest, noise);
        }
        return entering;
    }

    /// The stage ends here unless an event comes first. Where no source is left outside, nothing needs a stage's end.
    COVLASSO_FN double lowest_lambda() const {
        return all_inside_ ? limits_.min_lambda : std::max(limits_.min_lambda, bottom_);
    }

    /// The end of the path where that comes before `next`, else `next`.
    COVLASSO_FN Next path_end_before(Next next) {
        if (tie_.open && !at_one_lambda(tie_.lambda, next.lambda, outcome_.lambda_max)) {
            tie_.open = false;
            piece_.refine();  // zero is told from rounding only then
            if (terms_until(next.lambda) > limits_.max_terms) return end_before_tie();
        }
        const double lowest = limits_.min_lambda, floor = floor_on_the_way_to(next.lambda);
        if (next.lambda < floor && next.lambda > lowest)
            next = next.kind == Next::end_of_stage && is_last_piece()
                       ? Next{Next::end_of_path, 0.0, -1, Status::exhausted}
                       : Next{Next::end_of_path, std::min(floor, at_), -1, Status::floor};
        else if (next.kind == Next::enters && !tie_.open && exceeds_terms(next))
            next = {Next::end_of_path, next.lambda, -1, Status::terms};
        else if (next.kind == Next::end_of_stage && next.lambda <= lowest)
            next = {Next::end_of_path, lowest, -1, lowest > 0.0 ? Status::lambda : Status::exhausted};
        if (limits_.error <= 0.0) return next;
        const Quadratic error = piece_.error();
        const double lambda = error.largest_below(limits_.error, next.lambda, at_);
        return lambda < next.lambda ? next : Next{Next::end_of_path, lambda, -1, Status::error};
    }

    /// Whether a term too many enters. Where several events may be at this lambda, that is seen when all have happened.
    COVLASSO_STEP bool exceeds_terms(const Next& next) {
        const Index most = limits_.max_terms;
        if (piece_.active().size() < most || piece_.examine(next.index) != Entry::entered) return false;
        const double top = outcome_.lambda_max, noise = rounding * piece_.mass(0.0);
        const Best leaving = first_to_leave(0.5 * next.lambda, noise);
        const bool is_tie = (at_one_lambda(at_, next.lambda, top) && piece_.active().size() > 0) ||
                            (leaving.index >= 0 && at_one_lambda(next.lambda, leaving.value, top));
        if (!is_tie && terms_until(next.lambda) == most) return true;
        tie_ = {true, std::min(next.lambda, at_), stage_.events().size()};
        return false;
    }

    /// The path ends before the events at the lambda of the tie.
    COVLASSO_FN Next end_before_tie() {
        stage_.drop_events(tie_.events);
        return {Next::end_of_path, tie_.lambda, -1, Status::terms};
    }

    /// Active sources whose coefficient is not zero all the way from at_ to `lambda`. One that entered at a tie may
    /// stay at zero, and is no term.
    COVLASSO_STEP Index terms_until(double lambda) const {
        const double noise = rounding * piece_.mass(0.0), upper = at_;
        return count_terms(team_, piece_.active(), upper, lambda, noise);
    }

    /// Whether the piece at hand goes on to lambda = 0, as far as the candidates tell. The certificate there is relative to
    /// lambda_max, so the floor is no end. The stage's proof covers the other sources; where it has failed, none is tried.
    COVLASSO_STEP bool is_last_piece() {
        if (limits_.min_lambda > 0.0 || failures_ > 0) return false;
        const double noise = rounding * piece_.mass(0.0);
        if (first_to_leave(0.0, noise).index >= 0) return false;
        Candidates& candidates = piece_.candidates();
        for (;;) {
            const Best entering = candidates.next(team_, limits_.positive, 0.0, noise);
            if (entering.index < 0) return true;
            if (piece_.examine(entering.index) != Entry::dependent) return false;
            candidates.hold(team_, entering.index);
        }
    }

    /// The lambda below which rounding exceeds the tolerance of the certificate. The error of a gradient is convex in
    /// lambda, so the larger of its values at both ends bounds it.
    COVLASSO_FN double floor_on_the_way_to(double lambda) const {
        const double error = std::max(piece_.gradient_error(at_), piece_.gradient_error(lambda));
        return error / (kkt_tolerance * piece_.least_active_penalty());
    }

    /// b_r = base - lambda slope meets zero at base / slope, and only where base has the sign opposite to b_r.
    /// A base within rounding of zero stays there.
    COVLASSO_FN Best first_to_leave(double lowest, double noise) const {
        const ActiveSet& active = piece_.active();
        const double *base = active.base(), *slope = active.slope(), *push = active.pushes(),
                     *root = active.roots();
        return team_.largest_fraction(
            padded(active.size()), lowest,
            [=](Index r) {
                const double size = std::fabs(base[r]);
                return (base[r] * push[r] < 0.0) & (size * root[r] > noise) ? size : 0.0;
            },
            [=](Index r) { return std::fabs(slope[r]); });
    }

    COVLASSO_FN bool enter_penalised(Index j) {
        const Candidates& candidates = piece_.candidates();
        const int sign = candidates.sign(j);
        if (!enter(j, 0.5 * sign * candidates.penalty(j))) return false;
        stage_.add_event(team_, at_, candidates.source(j), sign);
        return true;
    }

    COVLASSO_FN bool enter(Index j, double push) {
        const Entry entry = piece_.enter(j, push);
        if (entry == Entry::indefinite) {
            outcome_.culprit = piece_.candidates().source(j);
            end_path(Status::uncertified);
        }
        return entry == Entry::entered;
    }

    COVLASSO_FN void leave(Index r) {
        stage_.add_event(team_, at_, piece_.active().source(r), 0);
        piece_.leave(r);
    }

    /// 1 where both signs are allowed, so that the size of g is max(g, -g); 0 where b >= 0: then only g > 0 counts.
    COVLASSO_FN double two_sided() const { return limits_.positive ? 0.0 : 1.0; }

    COVLASSO_FN void add_knot() { stage_.add_knot(team_, piece_.active(), piece_.candidates(), at_); }

    /// Whether the stage is proved. If not: violators_ tells how many sources must become candidates; where there
    /// are none, rounding is to blame, and the stage is shortened; at last the path ends where the stage began.
    COVLASSO_FN bool verified() {
        if (team_.stopped()) end_path(Status::interrupted);
        if (done_) return false;
        if (next_.kind == Next::enters || next_.kind == Next::leaves)
            return give_way();  // events went round in a cycle
        measure_residual();
        if (residual_ > drift * scale()) {
            piece_.refine();
            measure_residual();
        }
        const auto found = proof_.find_violators(stage_, *target_, piece_, at_, limits_.positive,
                                                 shortened_ < most_shortened);
        forecast_.learn(found.count);
        if (found.kind == Proof::too_many) return shorten();
        violators_ = found.count;
        if (violators_ > 0) return false;
        if (relative_residual() <= 0.5 * kkt_tolerance)
            return true;  // half is left for reading the solution back
        return give_way();
    }

    /// So many sources are open that the stage is repeated, half as long.
    COVLASSO_FN bool shorten() {
        violators_ = 0;
        bottom_ = 0.5 * (at_ + lambda_);
        all_inside_ = false;
        ++shortened_;
        return false;
    }

    /// The stage is to be repeated shorter; after some tries the path ends where it began.
    COVLASSO_FN bool give_way() {
        violators_ = 0;
        most_events_ = (most_events_ + 1) / 2;
        bottom_ = 0.5 * (bottom_ + lambda_);
        all_inside_ = false;
        if (++failures_ >= most_failures) end_path(Status::floor);
        return false;
    }

    /// The gradient of all sources at the end of the stage, and how well the candidates satisfy the KKT conditions.
    COVLASSO_STEP void measure_residual() {
        piece_.gradient(at_, target_->next_gradient);
        residual_ = piece_.residual_inside(at_, target_->next_gradient.data(), limits_.positive);
    }

    /// Residuals are relative to lambda times the smallest weight; at lambda = 0, to that of lambda_max.
    COVLASSO_FN double scale() const {
        return (at_ > 0.0 ? at_ : outcome_.lambda_max) * target_->least_penalty;
    }

    /// Where the residual is too large beside the smallest weight, it counts beside the smallest of the active sources.
    COVLASSO_FN double relative_residual() const {
        const double residual = residual_ / scale();
        if (residual_ <= 0.5 * kkt_tolerance * scale()) return residual;
        return residual * (target_->least_penalty / piece_.least_active_penalty());
    }

    COVLASSO_FN void accept_stage(EventList& path) {
        path.append(team_, stage_.events());
        target_->gradient.swap(target_->next_gradient);
        last_lambda_ = lambda_ > at_ ? lambda_ : last_lambda_;
        lambda_ = at_;
        outcome_.lambda_end = at_;
        outcome_.kkt = relative_residual();
        if (piece_.has_negative_error(at_, target_->gradient.data())) {
            outcome_.culprit = Outcome::the_target;
            return end_path(Status::uncertified);
        }
        failures_ = 0;
        if (next_.kind == Next::end_of_path) end_path(next_.reason);
    }

    COVLASSO_FN void end_path(Status status) {
        outcome_.status = status;
        done_ = true;
    }

    struct Member {
        Index place;
        double push;
    };

    /// Events at one lambda, the first of which brings a term too many; the last may take it back.
    struct Tie {
        bool open;
        double lambda;
        Index events;  ///< of the stage, before them
    };

    static constexpr double drift = 1e-12;          // of a residual: beyond it the active set is refined
    static constexpr double noise_of_zero = 1e-14;  // of a gradient that should vanish
    static constexpr int most_failures = 8;
    static constexpr int most_shortened = 4;  // so often is a stage halved because many sources are open
    static constexpr Index patience = 64;     // events at one lambda; ties end sooner, a cycle does not

    Team team_;
    Piece<Team> piece_;
    const Gram& gram_;
    Stage stage_;
    Proof proof_;
    Limits limits_{};
    Target* target_ = nullptr;
    Forecast forecast_{0, false};
    double bottom_ = 0.0;    // the lowest lambda of this stage
    Index most_events_ = 0;  // and its most events
    Next next_{};
    Tie tie_{};
    Outcome outcome_{};
    double lambda_ = 0.0;       // where the stage began
    double last_lambda_ = 0.0;  // where the stage before it began
    double at_ = 0.0;           // where the stage has come to
    double residual_ = 0.0;     // of the KKT conditions at the end of the stage
    int failures_ = 0;
    int shortened_ = 0;
    bool done_ = false;
    bool all_inside_ = false;
    Index violators_ = 0;
    Index saved_size_ = 0;
    Buffer<Member> saved_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
