// Products for several targets computed together, where each by itself would read the whole Gram from memory.
//
// The threads of a batch follow one target each, and one of them runs at a time: it hands over when it asks for a
// product, and when all of them have asked, the products are computed in one go. So a batch takes one processor, as a
// single thread would, and a target's results have the same bits, as every product has its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <vector>

#include "covlasso/gram.hpp"

namespace covlasso {

class BatchedGram final : public Gram {
public:
    explicit BatchedGram(const Gram& gram) : gram_(gram) {}

    /// The part of one thread in the batch, from construction to destruction: multiply() waits for all that have one.
    class Turn {
    public:
        explicit Turn(const BatchedGram& batch);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        const BatchedGram& batch_;
    };

    Index size() const override { return gram_.size(); }
    void diagonal(double* out) const override { gram_.diagonal(out); }
    void gather(Id row, const Id* columns, Index count, double* out) const override {
        gram_.gather(row, columns, count, out);
    }
    bool approximates() const override { return gram_.approximates(); }
    /// To be called by a thread that has its Turn.
    void multiply(SparseVector x, double* out) const override { ask({x, out}); }
    double multiply_within(double tolerance, SparseVector x, double* out) const override {
        return ask({x, out, tolerance});
    }
    double epsilon() const override { return gram_.epsilon(); }

private:
    struct Request {
        Product product;
        bool done = false;
        std::exception_ptr failure;
    };

    /// Waits until the product is computed, and returns its radius.
    double ask(const Product& product) const;
    void compute_if_all_wait() const;

    const Gram& gram_;
    mutable std::mutex running_;  // held by the thread that runs
    mutable std::condition_variable computed_;
    mutable std::atomic<std::size_t> members_{0};  // counted before they run for the first time
    mutable std::vector<Request*> waiting_;
};

}  // namespace covlasso
