"""ICA beside sparse autoencoders on the activations of a transformer: quality, evidence, stability, clusters, priors.

The study of ``overica features`` on a folder of activations (``--store``), or on those of MiniLM's third layer at the
docstrings of numpy, scipy and scikit-learn, which are collected first where the packages are installed. Prints the
tables with their spread over seeds, and the verdict; the folder (``-o``) has the pages of all features.

All methods see the same tokens; what is printed is of documents that none has seen. Autoencoders are trained anew for
each level of sparsity; ICA is fitted once and its features encode at each. CPU seconds of the fits stand in the last
table: read quality beside them.
"""

import argparse
import os
import tempfile
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import torch  # noqa: E402  (thread counts are read at import)

from overica.lm import ActivationStore, FeatureStudy, FeatureStudyConfig  # noqa: E402
from overica.lm.study.page import build_page, write_study_pages  # noqa: E402

LAYER = 3


def collected(folder, n_tokens):
    """Activations of MiniLM at docstrings; a folder that is there is gone on with."""
    from overica.lm import collect_activations, scientific_docstrings

    texts = scientific_docstrings()
    return collect_activations("minilm", LAYER, texts, folder, max_tokens=n_tokens, verbose=1)


def show(table):
    """One table as text."""
    heads = [row.head for row in table.rows]
    left = max(map(len, [table.corner, *heads])) + 2
    cells = [
        [
            " ".join([e.text, f"±{e.spread}" if e.spread else "", *(f"({n})" for n in e.notes)])
            for e in row.entries
        ]
        for row in table.rows
    ]
    widths = [
        max(len(column), *(len(" ".join(row[i].split())) for row in cells)) + 2
        for i, column in enumerate(table.columns)
    ]
    print(f"\n{table.caption}")
    for head, row in zip([table.corner, *heads], [table.columns, *cells], strict=True):
        texts = (" ".join(cell.split()) for cell in row)
        print(head.ljust(left) + "".join(t.rjust(w) for t, w in zip(texts, widths, strict=True)))


def main():
    """Run the study and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="folder of activations; else they are collected")
    parser.add_argument(
        "-o", "--output", type=Path, help="folder of the study; else a temporary one"
    )
    parser.add_argument("--tokens", type=int, help="how many are collected where no store is given")
    parser.add_argument("--methods", help="comma-separated names")
    parser.add_argument("--widths", help="comma-separated")
    parser.add_argument("--active", help="active features a token, comma-separated")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--steps", type=int, help="of the autoencoders")
    parser.add_argument("--ica-steps", type=int)
    parser.add_argument("--full-width", type=float, help="wider fits have one seed and one level")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    parser.add_argument("--quick", action="store_true", help="one width, one level, few steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = FeatureStudyConfig.from_keywords(n_jobs=options.jobs).changed(
        methods=options.methods and options.methods.split(","),
        widths=options.widths and [float(width) for width in options.widths.split(",")],
        active=options.active and [float(level) for level in options.active.split(",")],
        n_seeds=options.seeds,
        sae=options.steps and {"n_steps": options.steps},
        ica=options.ica_steps and {"max_iter": options.ica_steps},
        full_width=options.full_width,
    )
    config = config.quick() if options.quick else config
    with tempfile.TemporaryDirectory() as scratch:
        if options.store is None:
            try:
                n_tokens = options.tokens or (30_000 if options.quick else 300_000)
                store = collected(Path(scratch) / "activations", n_tokens)
            except (ImportError, FileNotFoundError) as error:
                print(f"nothing to measure: {error}")
                return
        else:
            store = ActivationStore(options.store)
        folder = options.output or Path(scratch) / "study"
        page = build_page(FeatureStudy(store, config).run(folder))
        if options.output is not None:
            write_study_pages(folder, store)
        for table in page.overview:
            show(table)
        for section in page.sections:
            for block in section.blocks:
                for table in [*block.tables, *(t for _, tables in block.folded for t in tables)]:
                    show(table)
        for table in page.costs:
            show(table)
        print(f"\n{page.question} {page.answer}")
        for theme, text in page.findings:
            print(f"- {theme}: {text}")
        for cell in page.results.failed:
            print(f"! {cell['cell']} failed: {cell['error']['message']}")
        for notice in page.notices:
            print(f"! {notice}")


if __name__ == "__main__":
    main()
