#include "cpu/batched_gram.hpp"

namespace covlasso {

BatchedGram::Turn::Turn(const BatchedGram& batch) : batch_(batch) {
    ++batch_.members_;
    batch_.running_.lock();
}

BatchedGram::Turn::~Turn() {
    --batch_.members_;
    batch_.compute_if_all_wait();
    batch_.running_.unlock();
}

double BatchedGram::ask(const Product& product) const {
    Request mine{product, false, nullptr};
    waiting_.push_back(&mine);
    compute_if_all_wait();
    std::unique_lock<std::mutex> turn(running_, std::adopt_lock);
    computed_.wait(turn, [&] { return mine.done; });
    turn.release();
    if (mine.failure) std::rethrow_exception(mine.failure);
    return mine.product.radius;
}

void BatchedGram::compute_if_all_wait() const {
    if (waiting_.empty() || waiting_.size() < members_) return;
    std::exception_ptr failure;
    try {
        std::vector<Product> products;
        for (const Request* request : waiting_) products.push_back(request->product);
        gram_.multiply_all(products.data(), static_cast<Index>(products.size()));
        for (std::size_t i = 0; i < products.size(); ++i) waiting_[i]->product.radius = products[i].radius;
    } catch (...) {
        failure = std::current_exception();
    }
    for (Request* request : waiting_) {
        request->failure = failure;
        request->done = true;
    }
    waiting_.clear();
    computed_.notify_all();
}

}  // namespace covlasso
