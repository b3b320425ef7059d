# huge.mb of a covariance matrix on given penalties. Arguments: folder, n.
suppressMessages({library(huge); library(Matrix)})
args <- commandArgs(trailingOnly = TRUE)
folder <- args[1]
n <- as.integer(args[2])
doubles <- function(name, count) readBin(file.path(folder, paste0(name, ".bin")), "double", count)

gram <- matrix(doubles("gram", n * n), n, n)
mu <- doubles("mu", 100000L)
start <- proc.time()[["elapsed"]]
fit <- huge.mb(gram, lambda = mu, verbose = FALSE)
cat(proc.time()[["elapsed"]] - start, file = file.path(folder, "seconds.txt"))
invisible(writeMM(do.call(cbind, fit$beta), file.path(folder, "coef.mtx")))
