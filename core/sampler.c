#include "core/sampler.h"

#include "data/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that scrambles 64 bits. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t noise_key(uint64_t seed, int pos)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    return mix(mix(seed + golden) + golden * ((uint64_t)pos + 1));
}

/* Uniform in (0, 1), never an end point. */
static double uniform(uint64_t key, int id)
{
    uint64_t bits = mix(key + UINT64_C(0xd1342543de82ef95) * ((uint64_t)id + 1));
    return ((double)(bits >> 11) + 0.5) * 0x1p-53;
}

/* Gumbel(0, 1) noise is -log(-log u). Both logarithms are saved where a bound on it shows that
 * the token cannot win: 2.741 for u below 15/16, 37.43 for the largest u there is. */
static double gumbel_bound(double u)
{
    return u < 0.9375 ? 2.75 : 37.5;
}

static int greedy(const float *logits, int n_vocab)
{
    int best = 0;
    for (int i = 1; i < n_vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* --- candidates by falling logit: a max-heap of ids, popped only as far as needed --- */

static bool comes_before(const float *logits, int a, int b)
{
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift_down(int *heap, int n, const float *logits, int i)
{
    for (;;) {
        int first = i;
        for (int child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (comes_before(logits, heap[child], heap[first]))
                first = child;
        if (first == i)
            return;
        int swap = heap[i];
        heap[i] = heap[first];
        heap[first] = swap;
        i = first;
    }
}

/* Moves the best id to the end of heap[0..n) and returns it: what was popped lies behind. */
static int pop(int *heap, int n, const float *logits)
{
    int id = heap[0];
    heap[0] = heap[n - 1];
    heap[n - 1] = id;
    sift_down(heap, n - 1, logits, 0);
    return id;
}

static double weight(const struct sampler *s, const float *logits, int id, float top)
{
    return exp(((double)logits[id] - top) / s->temperature);
}

/* Orders ids so that the kept ones are the last *n_kept of heap: first top-k, then the smallest
 * set of those whose renormalised probability reaches top-p. */
static int keep_candidates(int *heap, const struct sampler *s, const float *logits, int n_vocab)
{
    int k = s->top_k > 0 && s->top_k < n_vocab ? s->top_k : n_vocab;
    for (int i = 0; i < n_vocab; i++)
        heap[i] = i;
    for (int i = n_vocab / 2; i-- > 0;)
        sift_down(heap, n_vocab, logits, i);
    float top = logits[heap[0]];
    if (!(s->top_p < 1) && k == n_vocab)
        return n_vocab;
    double total = 0, reached = 0;
    int popped = 0;
    if (k == n_vocab) {
        for (int i = 0; i < n_vocab; i++)
            total += weight(s, logits, i, top);
    } else {
        while (popped < k)
            total += weight(s, logits, pop(heap, n_vocab - popped, logits), top), popped++;
        if (!(s->top_p < 1))
            return k;
    }
    int kept = 0;
    while (kept < k && (kept == 0 || reached < s->top_p * total)) {
        if (kept == popped) {
            pop(heap, n_vocab - popped, logits);
            popped++;
        }
        reached += weight(s, logits, heap[n_vocab - 1 - kept], top);
        kept++;
    }
    return kept;
}

static int gumbel_max(const struct sampler *s, const float *logits, const int *ids, int n, int pos)
{
    uint64_t key = noise_key(s->seed, pos);
    int best = -1;
    double best_score = -INFINITY;
    for (int i = 0; i < n; i++) {
        int id = ids ? ids[i] : i;
        double score = (double)logits[id] / s->temperature, u = uniform(key, id);
        if (best >= 0 && score + gumbel_bound(u) < best_score)
            continue;
        score -= log(-log(u));
        if (best < 0 || score > best_score || (score == best_score && id < best)) {
            best = id;
            best_score = score;
        }
    }
    return best;
}

int sampler_choose(const struct sampler *sampler, const float *logits, int n_vocab, int pos)
{
    if (!(sampler->temperature > 0))
        return greedy(logits, n_vocab);
    bool all = (sampler->top_k <= 0 || sampler->top_k >= n_vocab) && !(sampler->top_p < 1);
    if (all)
        return gumbel_max(sampler, logits, NULL, n_vocab, pos);
    int *ids = mem_alloc((size_t)n_vocab, sizeof *ids);
    int n_kept = keep_candidates(ids, sampler, logits, n_vocab);
    int id = gumbel_max(sampler, logits, ids + n_vocab - n_kept, n_kept, pos);
    free(ids);
    return id;
}

static double log_sum_exp(const float *logits, int n)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    for (int i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    return top + log(sum);
}

double logits_kl(const float *p_logits, const float *q_logits, int n_vocab)
{
    double p_norm = log_sum_exp(p_logits, n_vocab), q_norm = log_sum_exp(q_logits, n_vocab);
    double kl = 0;
    for (int i = 0; i < n_vocab; i++) {
        double log_p = p_logits[i] - p_norm, log_q = q_logits[i] - q_norm;
        double p = exp(log_p);
        if (p > 0)
            kl += p * (log_p - log_q);
    }
    return kl > 0 ? kl : 0;
}
