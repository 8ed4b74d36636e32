import pandas as pd
import pytest

from stagemix.codes.agreed_file import read_agreed
from stagemix.codes.codebook import default_codebook
from stagemix.errors import DataError, MissingError

STAGE = default_codebook().variable("stage")
LABEL = STAGE.labels["service"]


def write(tmp_path, text):
    path = tmp_path / "codes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path, text):
    return read_agreed(write(tmp_path, text), variable=STAGE)


def refused(tmp_path, text):
    path = write(tmp_path, text)
    with pytest.raises(DataError) as error:
        read_agreed(path, variable=STAGE)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_ids_and_labels_are_read_and_blank_codes_left_out(tmp_path):
    table = read(
        tmp_path,
        "post_id,stage,inclusion_probability,memo\n"
        f"001,publish,0.5,x\n2,{LABEL},1,\n3,,0.5,\n4,uncodable,0.25,\n",
    )
    assert table["post_id"].tolist() == ["001", "2", "4"]
    assert table["value"].tolist() == ["publish", "service", "uncodable"]
    assert table["inclusion_probability"].tolist() == [0.5, 1.0, 0.25]
    assert table.index.tolist() == [2, 3, 5]


def test_chinese_columns_are_read(tmp_path):
    table = read(tmp_path, "编号,实践阶段,入样概率,轮次\n1,发布,0.5,final\n2,service,1,final\n")
    assert table[["post_id", "value", "round", "inclusion_probability"]].to_numpy().tolist() == [
        ["1", "publish", "final", 0.5],
        ["2", "service", "final", 1.0],
    ]


def test_without_probabilities_none_is_known(tmp_path):
    table = read(tmp_path, "post_id,stage\n1,publish\n2,service\n")
    assert table["inclusion_probability"].isna().all()


def test_an_excel_file_is_read_too(tmp_path):
    path = tmp_path / "codes.xlsx"
    frame = {"post_id": [1, 2], "stage": ["publish", LABEL], "inclusion_probability": [1, 0.5]}
    pd.DataFrame(frame).to_excel(path, index=False)
    table = read_agreed(path, variable=STAGE)
    assert table["post_id"].tolist() == ["1", "2"]
    assert table["value"].tolist() == ["publish", "service"]
    assert table["inclusion_probability"].tolist() == [1.0, 0.5]


def test_no_file(tmp_path):
    with pytest.raises(MissingError) as error:
        read_agreed(tmp_path / "codes.csv", variable=STAGE)
    assert str(error.value) == f"{tmp_path / 'codes.csv'}: no such file"


def test_columns_that_are_not_there(tmp_path):
    assert refused(tmp_path, "post_id,code\n1,publish\n") == (
        "no column stage; found post_id, code; the columns are post_id, stage and, if known, "
        "inclusion_probability"
    )
    assert refused(tmp_path, "id,code\n1,publish\n") == (
        "no column post_id, stage; found id, code; the columns are post_id, stage and, if known, "
        "inclusion_probability"
    )


def test_a_column_of_values_is_that_of_the_variable(tmp_path):
    table = read_agreed(write(tmp_path, "编号,编码\n1,服务\n2,publish\n"), variable=STAGE)
    assert table["value"].tolist() == ["service", "publish"]


@pytest.mark.parametrize("bad", ["0", "-0.5", "1.01", "half", "inf"])
def test_an_impossible_probability(tmp_path, bad):
    text = f"post_id,stage,inclusion_probability\n1,publish,0.5\n2,publish,{bad}\n"
    assert refused(tmp_path, text) == (
        "inclusion_probability in row 3 is not above 0 and at most 1"
    )


def test_some_probabilities_missing(tmp_path):
    text = "post_id,stage,inclusion_probability\n1,publish,0.5\n2,publish,\n3,publish,\n"
    found = read_agreed(write(tmp_path, text), variable=STAGE)["inclusion_probability"]
    assert found.tolist()[:1] == [0.5]
    assert found.isna().tolist() == [False, True, True]


def test_no_codes(tmp_path):
    assert refused(tmp_path, "post_id,stage\n1,\n2,\n") == "holds no codes in the column stage"


def test_a_code_without_a_post(tmp_path):
    assert refused(tmp_path, "post_id,stage\n1,publish\n,publish\n") == "no post_id in row 3"


def test_a_post_coded_twice(tmp_path):
    text = "post_id,stage\n1,publish\n2,service\n1,service\n"
    assert refused(tmp_path, text) == "rows 2, 4 code post 1; keep one agreed code per post"


def test_values_that_are_not_in_the_codebook(tmp_path):
    text = "post_id,stage\n1,publish\n2,other\n3,Publish\n"
    assert refused(tmp_path, text) == (
        "not a value of stage in the codebook: row 3 ('other'), row 4 ('Publish'); "
        "known are publish, interact, service, cooperate, uncodable"
    )
