#include "net/messages/leave_group.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::leave_group_request);
KARST_DEFINE_MESSAGE(karst::net::leave_group_response);
