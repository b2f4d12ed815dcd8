"""Tiny transformers of random weights, built here: nothing is downloaded."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from overica.lm import load_model

TEXTS = [
    "A sparse code has few active units.",
    "Independent components of natural images look like edges, and those of sounds like wavelets.",
    "",
    "Basis.",
    "The number of components may be larger than the number of features: the basis is overcomplete then, "
    "and a prior chooses among the codes.",
]
WIDTH = 16


def byte_tokenizer():
    """Byte-level pairs, as GPT-2's: spaces are kept and nothing is put around a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def piece_tokenizer():
    """Word pieces between [CLS] and [SEP], as BERT's."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )


def gpt2():
    config = GPT2Config(vocab_size=300, n_positions=64, n_embd=WIDTH, n_layer=3, n_head=2)
    return GPT2LMHeadModel(config), byte_tokenizer()


def llama():
    config = LlamaConfig(
        vocab_size=300, max_position_embeddings=64, hidden_size=WIDTH, intermediate_size=24,
        num_hidden_layers=3, num_attention_heads=2,
    )  # fmt: skip
    return LlamaForCausalLM(config), byte_tokenizer()


def bert():
    config = BertConfig(
        vocab_size=150, max_position_embeddings=64, hidden_size=WIDTH, intermediate_size=24,
        num_hidden_layers=3, num_attention_heads=2,
    )  # fmt: skip
    return BertModel(config, add_pooling_layer=False), piece_tokenizer()


MODELS = {"bert": bert, "gpt2": gpt2, "llama": llama}


def tiny(name):
    """A model of `MODELS`; weights are larger than at a usual start, so that layers do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, tokenizer = MODELS[name]()
        with torch.no_grad():
            for weight in network.parameters():
                if weight.ndim == 2:
                    weight.normal_(0, 0.3)
    return load_model((network, tokenizer), device="cpu")


@pytest.fixture(scope="session", params=MODELS)
def tiny_model(request):
    return tiny(request.param)


@pytest.fixture(scope="session")
def tiny_bert():
    return tiny("bert")


@pytest.fixture(scope="session")
def tiny_gpt2():
    return tiny("gpt2")


@pytest.fixture
def texts():
    return list(TEXTS)
