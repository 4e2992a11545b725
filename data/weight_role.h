/* What a tensor of a Gemma 2 is for, whatever a file calls it. */
#ifndef DATA_WEIGHT_ROLE_H
#define DATA_WEIGHT_ROLE_H

enum weight_role {
    WEIGHT_EMBED,
    WEIGHT_NORM_FINAL,
    /* of a layer */
    WEIGHT_QUERY,
    WEIGHT_KEY,
    WEIGHT_VALUE,
    WEIGHT_ATTN_OUT,
    WEIGHT_GATE,
    WEIGHT_UP,
    WEIGHT_DOWN,
    WEIGHT_NORM_ATTN_IN,
    WEIGHT_NORM_ATTN_OUT,
    WEIGHT_NORM_FFW_IN,
    WEIGHT_NORM_FFW_OUT,
    N_WEIGHT_ROLES,
};

#define WEIGHT_NAME_SIZE 96 /* of the longest name in any layout, with its NUL */

#endif
