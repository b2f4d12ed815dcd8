"""Substitution: no change for the identity, none recovered by the mean, and the model's own arithmetic between."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

from overica.lm import Substitution, collect_activations, substitution_loss

CONTEXT = 12
LAYER = 2


class Constant:
    """The same reconstruction of everything."""

    def __init__(self, row):
        self.row = np.asarray(row)

    def transform(self, X):
        return np.zeros((len(X), 1))

    def inverse_transform(self, codes):
        return np.tile(self.row, (len(codes), 1))


@pytest.fixture
def store(tiny_model, texts, tmp_path):
    return collect_activations(tiny_model, LAYER, texts, tmp_path, context=CONTEXT, skip_first=0)


@pytest.fixture
def substitution(tiny_model, store):
    return Substitution(store, model=tiny_model, batch_size=2)


def test_names_of_the_measures(tiny_model, substitution):
    loss = substitution(FunctionTransformer())
    wanted = ["cross_entropy"] if tiny_model.causal else ["embedding", "hidden"]
    assert list(loss.measures) == wanted
    assert loss.first is loss.measures[wanted[0]]


@pytest.mark.parametrize("layer", range(4))
def test_the_identity_changes_nothing(tiny_model, store, layer):
    loss = substitution_loss(store, FunctionTransformer(), model=tiny_model, layer=layer)
    for measure in loss.measures.values():
        assert measure.loss == 0.0
        assert measure.standard_error == 0.0
        assert measure.mean_ablation != 0
        assert measure.recovered == 1.0
    assert loss.explained_variance == 1.0
    assert (loss.n_tokens, loss.n_documents) == (store.n_tokens, store.n_documents)


def test_the_mean_recovers_nothing(store, substitution):
    loss = substitution(Constant(store.mean()))
    for measure in loss.measures.values():
        assert measure.loss == measure.mean_ablation
        assert measure.recovered == 0.0
    assert loss.l0 == 0
    assert loss.explained_variance == pytest.approx(0, abs=1e-6)
    zero = substitution(Constant(np.zeros(store.n_features)))
    for measure in zero.measures.values():
        assert measure.loss == measure.zero_ablation
        assert measure.recovered_of_zero == 0.0


def by_hand(model, store, change):
    """Outputs window by window, the block's output replaced by one's own hook: before and after."""
    before, after = model.frame
    length = CONTEXT - len(before) - len(after)
    pairs = []
    for document in range(store.n_documents):
        rows = np.flatnonzero(store.document_ids == document)
        for part in np.split(rows, range(length, rows.size, length)):
            ids = torch.tensor([[*before, *store.ids[part].tolist(), *after]])
            content = slice(len(before), len(before) + part.size)

            def hook(block, args, output, content=content):
                tensor = output if isinstance(output, torch.Tensor) else output[0]
                tensor = tensor.clone()
                tensor[0, content] = change(tensor[0, content])
                return tensor if isinstance(output, torch.Tensor) else (tensor, *output[1:])

            with torch.inference_mode():
                clean = model.model(input_ids=ids)
                handle = model.blocks[LAYER - 1].register_forward_hook(hook)
                changed = model.model(input_ids=ids)
                handle.remove()
            pairs.append((ids[0], content, clean, changed))
    return pairs


def cross_entropies(output, ids, content):
    logs = torch.log_softmax(output.logits[0].double(), dim=-1)
    return [-float(logs[t - 1, ids[t]]) for t in range(max(content.start, 1), content.stop)]


def test_losses_are_the_models_own(tiny_model, store, substitution):
    loss = substitution(FunctionTransformer(lambda X: 0.5 * X))
    pairs = by_hand(tiny_model, store, lambda x: 0.5 * x)
    if tiny_model.causal:
        costs = [
            [cross_entropies(output, ids, content) for output in outputs]
            for ids, content, *outputs in pairs
        ]
        clean, changed = (np.concatenate(column) for column in zip(*costs, strict=True))
        expected = {"cross_entropy": np.mean(changed - clean)}
    else:
        last = [
            [output.last_hidden_state[0].double().numpy() for output in outputs]
            for _, _, *outputs in pairs
        ]
        means = [[states.mean(axis=0) for states in pair] for pair in last]
        cosines = [u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in means]
        clean, changed = (np.concatenate(column) for column in zip(*last, strict=True))
        spread = ((clean - clean.mean(axis=0)) ** 2).sum()
        expected = {
            "embedding": np.mean(1 - np.array(cosines)),
            "hidden": ((changed - clean) ** 2).sum() / spread,
        }
    assert {name: m.loss for name, m in loss.measures.items()} == pytest.approx(expected, rel=1e-4)
    assert abs(loss.first.loss) > 1e-6
    assert loss.first.standard_error > 0


def test_more_components_recover_more(tiny_bert, texts, tmp_path):
    # Not so for the cross entropy of a model of random weights, which a change may well improve.
    store = collect_activations(tiny_bert, LAYER, texts, tmp_path, context=CONTEXT)
    substitution = Substitution(store, model=tiny_bert)
    X = np.asarray(store.activations)
    errors = [substitution(PCA(n).fit(X)).measures["hidden"].loss for n in (1, 8, 15)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_texts_and_store_agree(tiny_model, texts, store, substitution):
    half = FunctionTransformer(lambda X: 0.5 * X)
    of_store = substitution(half)
    of_texts = substitution_loss(
        texts, half, model=tiny_model, layer=LAYER, context=CONTEXT, mean=store.mean(), batch_size=2,
        skip_first=0,
    )  # fmt: skip
    assert of_texts == of_store
    assert of_store.l0 <= store.n_features


def test_documents_held_out(tiny_model, store):
    some = Substitution(store, model=tiny_model, documents=[1, 3])
    rows = np.isin(store.document_ids, [1, 3])
    assert (some.n_tokens, some.n_documents) == (rows.sum(), 2)
    everything = np.sort(np.asarray(store.activations)[rows], axis=0)
    np.testing.assert_allclose(np.sort(some.activations, axis=0), everything, atol=1e-5)
    first = Substitution(store, model=tiny_model, max_tokens=15)
    assert 0 < first.n_tokens <= 15


def test_codes_that_are_not_zero_are_counted(substitution):
    keep = FunctionTransformer(lambda X: np.where(np.arange(16) < 3, X, 0))
    assert substitution(keep).l0 == 3


def test_what_is_refused(tiny_model, store, texts):
    with pytest.raises(ValueError, match=r"`model` must be given with texts"):
        Substitution(texts, layer=1)
    with pytest.raises(ValueError, match=r"`layer` must be given with texts"):
        Substitution(texts, model=tiny_model)
    with pytest.raises(ValueError, match=r"`layer` must be in 0\.\.3"):
        Substitution(texts, model=tiny_model, layer=9)
    with pytest.raises(ValueError, match=r"`documents` must be in 0\.\.3, got 1\.\.7"):
        Substitution(store, model=tiny_model, documents=[7, 1])
    with pytest.raises(ValueError, match="`documents` must be None"):
        Substitution(texts, model=tiny_model, layer=1, documents=[0])
    for nothing in ([""], []):
        with pytest.raises(ValueError, match="must hold a token"):
            Substitution(nothing, model=tiny_model, layer=1, context=8)
    substitution = Substitution(store, model=tiny_model)
    short = SimpleNamespace(transform=lambda X: X, inverse_transform=lambda S: S[:, :3])
    with pytest.raises(ValueError, match=r"`reconstructions` must have shape .*n_features=16"):
        substitution(short)
    with pytest.raises(ValueError, match="must be finite"):
        substitution(FunctionTransformer(lambda X: X * np.nan, validate=False))


def test_another_model_than_that_of_the_store(store, tiny_bert, tiny_gpt2):
    other = tiny_gpt2 if store.metadata["model"] == "BertModel" else tiny_bert
    with pytest.raises(ValueError, match="`model` must have the weights"):
        Substitution(store, model=other)
