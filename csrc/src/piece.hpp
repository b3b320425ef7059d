// One piece of a path: the active set and the candidates, kept in step while sources enter and leave.
#pragma once

#include <algorithm>

#include "candidates.hpp"
#include "target.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// What became of a source that was to enter.
enum class Entry { entered, dependent, indefinite };

template <class Team>
class Piece {
public:
    Piece(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    /// An empty piece with room for `rows` active sources.
    void begin(Target& target, double l2, double noise, Index rows) {
        target_ = &target;
        l2_ = l2;
        noise_ = noise;
        active_.reserve(rows);
        candidates_.reserve(rows);
        gram_active_.set_rows(rows);
        beta_.reserve(padded(rows));
        column_.reserve(padded(rows));
    }

    ActiveSet& active() { return active_; }
    const ActiveSet& active() const { return active_; }
    Candidates& candidates() { return candidates_; }
    const Candidates& candidates() const { return candidates_; }

    /// The first `count` of target.chosen become candidates.
    void admit(Index count) {
        Target& target = *target_;
        candidates_.admit(team_, gram_, active_, target.chosen.data(), count, target.cross.data(), target.penalty.data());
        for (Index t = 0; t < count; ++t) target.outside[target.chosen[t]] = infinity;
        team_.sync();
    }

    /// Candidate j becomes active with push = s_j w_j / 2, unless it depends on the active set: then it is set aside.
    Entry enter(Index j, double push) {
        const Index k = active_.size();
        const double* row = candidates_.fetch_row(team_, gram_, k, j, l2_);
        double* g = column_.data();
        const ActiveSet& active = active_;
        team_.for_each(padded(k + 1), [=, &active](Index r) { g[r] = r < k ? row[active.place(r)] : 0.0; });
        team_.sync();
        const double diagonal = row[j];
        const Independence test = active_.measure(team_, g, diagonal);
        candidates_.hold(j);
        if (test.schur < -indefinite * noise_ * test.mass) return Entry::indefinite;
        if (test.schur <= dependent * test.mass) return Entry::dependent;
        const Change change = active_.enter(team_, candidates_.source(j), static_cast<Id>(j), g, diagonal, test.schur,
                                            candidates_.cross(j), push);
        candidates_.move(team_, k + 1, active_.direction(), change);
        return Entry::entered;
    }

    /// Active source r leaves. What depended on the active set may be independent of the rest, so all are freed.
    void leave(Index r) {
        const Index last = active_.size() - 1;
        const Change change = active_.release(team_, r);
        candidates_.move(team_, last + 1, active_.direction(), change);
        active_.drop(team_, r);
        candidates_.drop_row(team_, r, last);
        candidates_.hold_only(team_, active_);
    }

    /// Corrects the active set against the entries of G themselves.
    void refine() {
        const Index k = active_.size();
        gram_active_.grow(k, 0);
        for (Index q = 0; q < panel_count(k); ++q) {
            double* panel = gram_active_.panel(q);
            team_.for_each(k * panel_width, [&](Index i) {
                const Index r = i / panel_width, s = q * panel_width + i % panel_width;
                panel[i] = s < k ? candidates_.entry(r, active_.place(s)) : 0.0;
            });
        }
        team_.sync();
        active_.refine(team_, gram_active_);
    }

    /// out = G b for the sparse vector b.
    void multiply(const Id* index, const double* value, Index count, double* out) const {
        gram_.multiply({index, value, count, 1}, out, target_->sources);
    }

    /// gradient = 2 (c - G b - l2 b) at lambda for all sources, from the caller's Gram.
    void gradient(double lambda, double* gradient) {
        const Index k = active_.size();
        for (Index r = 0; r < k; ++r) beta_[r] = active_.coefficient(r, lambda);
        multiply(active_.sources(), beta_.data(), k, gradient);
        const double* cross = target_->cross.data();
        team_.for_each(target_->sources, [=](Index j) { gradient[j] = 2.0 * (cross[j] - gradient[j]); });
        team_.sync();
        for (Index r = 0; r < k; ++r) gradient[active_.source(r)] -= 2.0 * l2_ * beta_[r];
        team_.sync();
    }

    /// The largest violation of the KKT conditions at lambda, given the gradient there:
    /// |g_j| <= lambda w_j (g_j <= lambda w_j if positive), and g_j = lambda s_j w_j on the active set.
    double residual(double lambda, const double* gradient, bool positive) const {
        const double* w = target_->penalty.data();
        double worst = team_.max(target_->sources, [=](Index j) {
            return w[j] < infinity ? (positive ? gradient[j] : std::fabs(gradient[j])) - lambda * w[j] : 0.0;
        });
        for (Index r = 0; r < active_.size(); ++r) {
            const double violation = std::fabs(gradient[active_.source(r)] - 2.0 * lambda * active_.push(r));
            worst = violation > worst ? violation : worst;
        }
        return worst;
    }

private:
    static constexpr double dependent = 64.0 * 0x1p-53;  // Schur complement / mass: all digits cancelled
    static constexpr double indefinite = 64.0;           // negative beyond what rounding of the entries explains

    Team team_;
    const Gram& gram_;
    Target* target_ = nullptr;
    double l2_ = 0.0;
    double noise_ = 0.0;
    ActiveSet active_;
    Candidates candidates_;
    Panels gram_active_;
    Buffer<double> beta_, column_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
