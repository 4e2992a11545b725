#include "core/dump_read.h"

#include "data/mem.h"

int dump_read(float **resid, int *hook_layer, const struct dump_file *dump,
              const struct dictionary *dict, struct err *err)
{
    struct buf what = {0};
    *resid = NULL;
    buf_printf(&what, "the dictionary %s", dict->name);
    int rc = dump_file_layer(hook_layer, dump, *hook_layer, what.data, err);
    buf_clear(&what);
    if (rc != ERR_OK)
        return rc;
    if (dump_file_d_model(dump) != dict->d_model) {
        err_set(err, ERR_SHAPE, "%s: its residuals have %zu columns, the dictionary %s has %zu",
                dump_file_name(dump), dump_file_d_model(dump), dict->name, dict->d_model);
        err_hint(err, "Use a dictionary that was made for the model of the dump: --dict DIR.");
        return ERR_SHAPE;
    }
    return dump_file_resid(resid, dump, *hook_layer, err);
}
