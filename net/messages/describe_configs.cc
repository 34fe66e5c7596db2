#include "net/messages/describe_configs.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::describe_configs_request);
KARST_DEFINE_MESSAGE(karst::net::describe_configs_response);
