"""What pydantic finds wrong with a value, in sentences of ours."""

from pydantic_core import ErrorDetails


def complaint(error: ErrorDetails) -> str:
    """The sentence; it begins with what the value must be or is."""
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is missing"
        case "literal_error":
            return f"must be {_expected(error)}"
        case "enum":
            return f"must be {_expected(error)}, not {error['input']}"
        case "value_error":
            return str(context["error"])
        case "bool_type" | "bool_parsing":
            return "must be true or false"
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "string_type":
            return "must be text; put it in quotes"
        case "time_delta_type" | "time_delta_parsing":
            return "must be a duration such as 10s, 5m, 2h or 3d"
        case "model_type" | "dict_type" | "mapping_type":
            return "must hold keys and values"
        case "tuple_type" | "list_type":
            return "must be a list"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "greater_than":
            return f"must be more than {context['gt']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "too_short" if context.get("actual_length") == 0:
            return "is empty; give at least one"
        case _:
            return error["msg"].replace("Input should be", "must be").replace("Value should have", "must have")


def _expected(error: ErrorDetails) -> str:
    return str(error["ctx"]["expected"]).replace("'", "")
