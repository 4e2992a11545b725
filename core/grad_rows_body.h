/* The loops of grad_rows.c, included once per instruction set: ROWS(name) names an instance and
 * TARGET is its function attribute. No include guard for that reason. */

TARGET static float ROWS(max)(const float *x, size_t n)
{
    float lanes[8];
    size_t i = 0;
    for (size_t j = 0; j < 8; j++)
        lanes[j] = x[0];
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (; i < n; i++)
        lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (size_t j = 1; j < 8; j++)
        lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
    return lanes[0];
}

TARGET static float ROWS(sum)(const float *x, size_t n)
{
    float lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lanes[j] += x[i + j];
    for (size_t j = 0; i < n; i++, j++)
        lanes[j] += x[i];
    return math_sum_lanes(lanes);
}

TARGET static void ROWS(scale)(float *x, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
}

TARGET static void ROWS(softcap)(float *x, float cap, size_t n)
{
    float inverse = 1 / cap;
    for (size_t i = 0; i < n; i++)
        x[i] = cap * math_tanh(x[i] * inverse);
}

TARGET static void ROWS(softmax)(float *x, size_t n)
{
    float max = ROWS(max)(x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = math_exp(x[i] - max);
    ROWS(scale)(x, 1 / ROWS(sum)(x, n), n);
}

/* The slope of the soft-cap is known from its value: 1 - (y / cap)². Logits go through in blocks,
 * so that the capped values need no second buffer. */
TARGET static double ROWS(cross_entropy)(float *logits, int target, size_t n, float cap)
{
    enum { BLOCK = 256 };
    float capped[BLOCK];
    if (cap != 0)
        ROWS(softcap)(logits, cap, n);
    float max = ROWS(max)(logits, n), wanted = logits[target], sum = 0;
    float inverse = cap != 0 ? 1 / cap : 0;
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t here = n - i < BLOCK ? n - i : BLOCK;
        float *x = logits + i;
        memcpy(capped, x, here * sizeof *x);
        for (size_t j = 0; j < here; j++)
            x[j] = math_exp(capped[j] - max);
        sum += ROWS(sum)(x, here);
        for (size_t j = 0; j < here; j++) {
            float share = capped[j] * inverse;
            x[j] *= 1 - share * share;
        }
    }
    ROWS(scale)(logits, 1 / sum, n);
    float share = wanted * inverse;
    logits[target] -= 1 - share * share;
    return log(sum) + max - wanted;
}

TARGET static void ROWS(gated_forward)(float *restrict hidden, const float *restrict gate,
                                       const float *restrict up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = gate[i];
        float th = math_tanh(GELU_A * (g + GELU_B * g * g * g));
        hidden[i] = 0.5f * g * (1 + th) * up[i];
    }
}

TARGET static void ROWS(gated_backward)(float *restrict hidden, float *restrict d_gate,
                                        float *restrict d_hidden, const float *restrict gate,
                                        const float *restrict up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = gate[i];
        float th = math_tanh(GELU_A * (g + GELU_B * g * g * g));
        float gelu = 0.5f * g * (1 + th);
        float slope =
            0.5f * (1 + th) + 0.5f * g * (1 - th * th) * GELU_A * (1 + 3 * GELU_B * g * g);
        hidden[i] = gelu * up[i];
        d_gate[i] = d_hidden[i] * up[i] * slope;
        d_hidden[i] *= gelu;
    }
}
