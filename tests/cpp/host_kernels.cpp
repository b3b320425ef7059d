// Stands in for the kernels: blocks of one lane, one after the other. Now and then they find too little memory, or no room
// for results, or have worked long enough, so that rounds have to be repeated.
#include <memory>

#include "algorithm/team_worker.hpp"
#include "factored_gram.hpp"
#include "kernels.hpp"
#include "team/serial_team.hpp"

namespace covlasso {
namespace cuda {

namespace {

/// In a round, as if it were late then.
constexpr int targets_of_a_block = 150;

/// What target t needs, which is sometimes more than blocks have at first.
std::size_t workspace_of(Index t) {
    if (t % 7 == 5) return std::size_t{3} << 20;
    return t % 5 == 3 ? std::size_t{1} << 18 : 0;
}

std::unique_ptr<covlasso::Gram> gram_of(const AnyMatrix& gram) {
    if (gram.f64.data) return std::make_unique<DenseGram<double>>(gram.f64);
    return std::make_unique<DenseGram<float>>(gram.f32);
}

/// use(worker, t) for the targets of the queue. A block ends where its memory does not suffice; the others go on.
template <class Use>
void for_each_target(const Round& round, Use use) {
    if (*round.fault != no_fault) return;
    const auto gram = gram_of(round.job.gram);
    for (int block = 0; block < round.shape.blocks; ++block)
        for (int done = 0; done < targets_of_a_block && !round.signals->stop &&
                           static_cast<Index>(*round.taken) < round.count;
             ++done) {
            const Index t = round.targets[(*round.taken)++];
            Fate& fate = round.fate[t - round.first];
            if (workspace_of(t) > round.shape.far) {
                fate = Fate::dry;
                break;
            }
            Heap heap;
            TeamWorker<SerialTeam> worker(SerialTeam{&heap, nullptr}, round.job.problem, *gram,
                                          round.job.root, round.job.rules);
            fate = use(worker, t);
            round.signals->done = static_cast<Index>(++round.taken[1]);
        }
}

/// Room in a pool; in a first round some take more of it than they need.
template <class T>
Span take_room(const Round& round, const Pool<T>& pool, Index t, Index count) {
    const bool waste = t % 3 == 1 && round.targets[0] == round.first;
    const auto begin = static_cast<Index>(*pool.used);
    *pool.used += static_cast<unsigned long long>(waste ? 4 * count + 40 : count);
    return {begin, count};
}

template <class T>
bool has_room(const Pool<T>& pool, const Span& span) {
    return static_cast<unsigned long long>(span.begin + span.count) <= pool.size;
}

PathView stored_path(const StoredPaths& stored, Index k) {
    return {stored.event + stored.offset[k], stored.offset[k + 1] - stored.offset[k], stored.outcome[k]};
}

}  // namespace

int least_capability() { return 0; }

Shape follow_shape() { return {3, 0, 0}; }
Shape read_shape() { return {2, 0, 0}; }

void launch_follow(const Round& round, FollowedRow* rows, const Pool<Event>& pool, cudaStream_t) {
    for_each_target(round, [&](TeamWorker<SerialTeam>& worker, Index t) {
        const Outcome outcome = worker.follow(t);
        const Span span = take_room(round, pool, t, worker.events().size());
        rows[t - round.first] = FollowedRow::of(outcome, span);
        if (!has_room(pool, span)) return Fate::crowded;
        for (Index e = 0; e < span.count; ++e) pool.data[span.begin + e] = worker.events()[e];
        return Fate::done;
    });
}

void launch_read(const Round& round, const Place& place, const StoredPaths& stored, FoundRow* rows,
                 const Pool<Term>& pool, cudaStream_t) {
    for_each_target(round, [&](TeamWorker<SerialTeam>& worker, Index t) {
        const Index k = t - round.first;
        const Solution found = worker.read(t, stored_path(stored, k), place);
        const Span span = take_room(round, pool, t, found.count);
        rows[k] = FoundRow::of(found, span);
        if (!has_room(pool, span)) return Fate::crowded;
        for (Index r = 0; r < span.count; ++r) pool.data[span.begin + r] = {found.value[r], found.index[r]};
        return Fate::done;
    });
}

void launch_pieces(const Round& round, const StoredPaths& stored, const PieceArrays& out, cudaStream_t) {
    for_each_target(round, [&](TeamWorker<SerialTeam>& worker, Index t) {
        const PathView path = stored_path(stored, t - round.first);
        Index end = 0;
        for (Index m = 0; m <= path.count; ++m) {
            const PieceView piece =
                m == 0 ? worker.first_piece(t, path) : worker.next_piece(path.event[m - 1]);
            for (Index r = 0; r < piece.count; ++r, ++end) {
                out.source[end] = piece.source[r];
                out.base[end] = piece.base[r];
                out.slope[end] = piece.slope[r];
            }
            for (int i = 0; i < 4; ++i) out.error[4 * m + i] = piece.error[i];
            out.count[m] = piece.count;
        }
        return Fate::done;
    });
}

void find_faults(const Moments& m, double* root, Fault* first, cudaStream_t) {
    const Index p = m.gram.rows();
    const auto note = [&](bool fault, Fault number) { *first = fault && number < *first ? number : *first; };
    for (Index j = 0; j < p; ++j) {
        note(!is_energy(m.gram(j, j)), static_cast<Fault>(j));
        root[j] = std::sqrt(m.gram(j, j));
    }
    for (Index i = 0; i < p && !m.gram_is_sound; ++i)
        for (Index j = i; j < p; ++j)
            note(!is_pair(m.gram(i, j), m.gram(j, i), root[i] * root[j], m.gram_slack()),
                 pair_fault(p, i, j));
    for (Index t = 0; t < m.target_count && !m.cross.empty(); ++t) {
        const Index i = m.targets ? m.targets[t] : t;
        note(!is_energy(m.energy[i]), cross_fault(p, t, -1));
        for (Index j = 0; j < p && is_energy(m.energy[i]); ++j)
            note(!is_finite(m.cross(i, j)) ||
                     !is_bounded(m.cross(i, j), std::sqrt(m.energy[i]) * root[j], m.cross_slack),
                 cross_fault(p, t, j));
    }
}

void form_gram(const MatrixView<double>& factor, double* gram, cudaStream_t) {
    for (Index i = 0; i < factor.rows; ++i)
        for (Index j = 0; j < factor.rows; ++j) {
            double& entry = gram[i * factor.rows + j] = 0.0;
            for (Index k = 0; k < factor.cols; ++k) entry = std::fma(factor(i, k), factor(j, k), entry);
        }
}

}  // namespace cuda
}  // namespace covlasso
