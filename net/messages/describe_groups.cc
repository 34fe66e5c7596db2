#include "net/messages/describe_groups.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::describe_groups_request);
KARST_DEFINE_MESSAGE(karst::net::describe_groups_response);
