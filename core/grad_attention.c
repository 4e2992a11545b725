/* Grouped-query attention with soft-capped scores and a sliding window, forward and backward. */
#include "core/grad_internal.h"
#include "core/grad_math.h"
#include "core/grad_rows.h"

#include <math.h>

void tape_rope(float *rope, int n_tokens, int d_head, float theta)
{
    int half = d_head / 2;
    for (int t = 0; t < n_tokens; t++)
        for (int i = 0; i < half; i++) {
            double angle = t * pow(theta, -2.0 * i / d_head);
            rope[(t * half + i) * 2] = (float)cos(angle);
            rope[(t * half + i) * 2 + 1] = (float)sin(angle);
        }
}

static int position_start(const struct tape *tape, int s, int t)
{
    return tape->starts ? tape->starts[s * tape->n_tokens + t] : 0;
}

/* Rotates all heads of all rows; direction -1 is the inverse, which is also the transpose. */
static void rope_rows(float *x, const struct tape *tape, const float *rope, int n_heads,
                      float direction)
{
    int d_head = tape->model->config.d_head, half = d_head / 2;
    for (int s = 0; s < tape->n_seqs; s++)
        for (int t = 0; t < tape->n_tokens; t++) {
            const float *table = rope + (size_t)(t - position_start(tape, s, t)) * d_head;
            for (int h = 0; h < n_heads; h++, x += d_head)
                for (int i = 0; i < half; i++) {
                    float c = table[2 * i], sine = direction * table[2 * i + 1];
                    float a = x[i], b = x[i + half];
                    x[i] = a * c - b * sine;
                    x[i + half] = b * c + a * sine;
                }
        }
}

/* The heads of one sequence: where they lie in the row-major buffers. */
struct head_view {
    size_t q, kv;     /* offsets of the first element */
    size_t ldq, ldkv; /* row strides */
    size_t scores;    /* offset of [n_tokens, n_tokens] */
};

static struct head_view head_at(const struct tape *tape, int s, int h)
{
    const struct model_config *c = &tape->model->config;
    size_t n = (size_t)tape->n_tokens, d = (size_t)c->d_head;
    struct head_view v = {.ldq = (size_t)c->n_heads * d, .ldkv = (size_t)c->n_kv_heads * d};
    int group = c->n_heads / c->n_kv_heads;
    v.q = (size_t)s * n * v.ldq + (size_t)h * d;
    v.kv = (size_t)s * n * v.ldkv + (size_t)(h / group) * d;
    v.scores = ((size_t)s * (size_t)c->n_heads + (size_t)h) * n * n;
    return v;
}

/* Keys [lo, t] are visible to the query at t. */
static int first_key(const struct tape *tape, int l, int s, int t)
{
    int window = tape->model->layers[l].config.window;
    int lo = position_start(tape, s, t);
    return window > 0 && t - window + 1 > lo ? t - window + 1 : lo;
}

static struct gemm_operand view(const float *x, size_t row_stride, size_t col_stride)
{
    return (struct gemm_operand){x, DTYPE_F32, row_stride, col_stride};
}

/* In place over the products q.k of one head: probs; scores keeps what the soft-cap gave. */
static void softmax_rows(struct tape *tape, int l, int s, float *probs, float *scores)
{
    const struct model_config *c = &tape->model->config;
    size_t n = (size_t)tape->n_tokens;
    for (size_t t = 0; t < n; t++) {
        size_t lo = (size_t)first_key(tape, l, s, (int)t), len = t + 1 - lo;
        float *row = probs + t * n + lo;
        for (size_t j = 0; j < len; j++)
            row[j] *= c->query_scale;
        softcap_row(row, c->attn_softcap, len);
        memcpy(scores + t * n + lo, row, len * sizeof *row);
        softmax_row(row, len);
        memset(probs + t * n, 0, lo * sizeof *row);
        memset(row + len, 0, (n - t - 1) * sizeof *row);
    }
}

void attention_forward(struct tape *tape, int l)
{
    const struct model_config *c = &tape->model->config;
    struct layer_tape *lt = &tape->layers[l];
    size_t n = (size_t)tape->n_tokens, d = (size_t)c->d_head;
    rope_rows(lt->q, tape, lt->rope, c->n_heads, 1);
    rope_rows(lt->k, tape, lt->rope, c->n_kv_heads, 1);
    for (int s = 0; s < tape->n_seqs; s++)
        for (int h = 0; h < c->n_heads; h++) {
            struct head_view at = head_at(tape, s, h);
            float *probs = lt->probs + at.scores;
            gemm(probs, n, view(lt->q + at.q, at.ldq, 1), view(lt->k + at.kv, 1, at.ldkv), n, n, d,
                 false, &tape->space);
            softmax_rows(tape, l, s, probs, lt->scores + at.scores);
            gemm(lt->heads + at.q, at.ldq, gemm_rows(probs, n), view(lt->v + at.kv, at.ldkv, 1), n,
                 d, n, false, &tape->space);
        }
}

/* dscores holds d loss / d probs and becomes d loss / d (q.k). */
static void softmax_backward(struct tape *tape, int l, int s, const float *probs,
                             const float *scores)
{
    const struct model_config *c = &tape->model->config;
    size_t n = (size_t)tape->n_tokens;
    float inverse = c->attn_softcap != 0 ? 1 / c->attn_softcap : 0;
    for (size_t t = 0; t < n; t++) {
        size_t lo = (size_t)first_key(tape, l, s, (int)t), len = t + 1 - lo;
        float *row = tape->dscores + t * n + lo;
        const float *p = probs + t * n + lo, *score = scores + t * n + lo;
        float mean = math_dot(row, p, len);
        for (size_t j = 0; j < len; j++) {
            float share = score[j] * inverse;
            row[j] = p[j] * (row[j] - mean) * (1 - share * share) * c->query_scale;
        }
        memset(tape->dscores + t * n, 0, lo * sizeof *row);
        memset(row + len, 0, (n - t - 1) * sizeof *row);
    }
}

void attention_backward(struct tape *tape, int l)
{
    const struct model_config *c = &tape->model->config;
    struct layer_tape *lt = &tape->layers[l];
    size_t n = (size_t)tape->n_tokens, d = (size_t)c->d_head;
    size_t n_kv = (size_t)tape->n_seqs * n * (size_t)c->n_kv_heads * d;
    memset(tape->dk, 0, n_kv * sizeof *tape->dk);
    memset(tape->dv, 0, n_kv * sizeof *tape->dv);
    for (int s = 0; s < tape->n_seqs; s++)
        for (int h = 0; h < c->n_heads; h++) {
            struct head_view at = head_at(tape, s, h);
            const float *probs = lt->probs + at.scores;
            struct gemm_operand dout = view(tape->dheads + at.q, at.ldq, 1);
            gemm(tape->dv + at.kv, at.ldkv, gemm_columns(probs, n), dout, n, d, n, true,
                 &tape->space);
            gemm(tape->dscores, n, dout, view(lt->v + at.kv, 1, at.ldkv), n, n, d, false,
                 &tape->space);
            softmax_backward(tape, l, s, probs, lt->scores + at.scores);
            gemm(tape->dq + at.q, at.ldq, gemm_rows(tape->dscores, n),
                 view(lt->k + at.kv, at.ldkv, 1), n, d, n, false, &tape->space);
            gemm(tape->dk + at.kv, at.ldkv, gemm_columns(tape->dscores, n),
                 view(lt->q + at.q, at.ldq, 1), n, d, n, true, &tape->space);
        }
    rope_rows(tape->dq, tape, lt->rope, c->n_heads, -1);
    rope_rows(tape->dk, tape, lt->rope, c->n_kv_heads, -1);
}
