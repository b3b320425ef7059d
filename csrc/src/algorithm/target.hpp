// One target as the homotopy sees it: arrays over all sources (load.hpp fills them), and the limits of its path.
#pragma once

#include <limits>

#include "algorithm/gradient.hpp"
#include "covlasso/path.hpp"
#include "team/buffer.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

struct Target {
    Index sources = 0;
    double energy = 0.0;           ///< e
    const double* root = nullptr;  ///< sqrt(G_jj): shared by all targets, or own_root
    Buffer<double>
        cross;  ///< c_j; of a rough target, those of candidates, and within cross_radius * root_j of others
    Buffer<double> penalty;      ///< w_j; infinity: excluded
    bool weighted = false;       ///< whether any w_j is neither 1 nor infinity
    double least_penalty = 1.0;  ///< the smallest w_j > 0: certificates are relative to lambda times this
    Buffer<double> outside;  ///< w_j of the sources that are not candidates; infinity: candidate or excluded
                             ///< (in a query: scratch)
    Gradient gradient;       ///< 2 (c - G b) at the start of the stage
    Gradient next_gradient;  ///< the same at its end
    bool is_rough = false;   ///< what is known of all sources at once is so within a radius (gradient.hpp)
    Id self = -1;            ///< the target itself among the sources, of a rough target
    double cross_radius = 0.0;
    Buffer<double> own_root;  ///< of a target with rows of its own
    bool is_sound = true;     ///< these rows are finite, and their squares do not overflow
    Buffer<Id> chosen;        ///< scratch for lists of sources

    template <class Team>
    COVLASSO_FN void reserve(const Team& team, Index p) {
        sources = p;
        for (Gradient* vector : {&gradient, &next_gradient}) vector->reserve(team, p);
        for (Buffer<double>* vector : {&outside, &cross, &penalty}) vector->reserve(team, p);
        chosen.reserve(team, p);
    }
};

/// Where a path ends, whatever comes first, and the model.
struct Limits {
    Index max_terms;
    double min_lambda;
    double error;  ///< absolute
    double l2;
    double noise;  ///< relative precision of the entries of G
    bool positive;
};

/// Events of one target, appended as stages are verified.
class EventList {
public:
    COVLASSO_FN void clear() { size_ = 0; }
    COVLASSO_FN void truncate(Index size) { size_ = size; }
    COVLASSO_FN Index size() const { return size_; }
    COVLASSO_FN const Event* data() const { return events_.data(); }
    COVLASSO_FN const Event& operator[](Index e) const { return events_[e]; }
    template <class Team>
    COVLASSO_FN void push(const Team& team, const Event& event) {
        events_.reserve(team, size_ + 1, size_);
        team.one([&] { events_[size_] = event; });
        ++size_;
    }
    template <class Team>
    COVLASSO_FN void append(const Team& team, const EventList& other) {
        events_.reserve(team, size_ + other.size_, size_);
        team.for_each(other.size_, [&](Index e) { events_[size_ + e] = other[e]; });
        size_ += other.size_;
        team.sync();
    }

private:
    Index size_ = 0;
    Buffer<Event> events_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
